// Package fault is the one place where Doorward's errors become gRPC statuses
// and gRPC statuses become errors again.
//
// A fault has a kind (which gRPC code), a reason (a value of the proto enum
// doorward.type.v1.Reason, which programs act on) and a message that is written
// for the caller and says what to do. It may carry the cause, which is for the
// log: no function of this package puts a cause on the wire.
//
//	below the API   wrap with %w, or return a fault:  fault.New(…).Because(err)
//	in the server   package rpc calls Answer on whatever the handler returned
//	in a client     package rpc calls FromStatus, so that ReasonOf(err) works on both sides
//
// An error that is no fault becomes INTERNAL with a fixed text. So does a fault
// that another service answered with: it was written for us and not for our
// caller, and a handler that means to pass something on says so with a fault of
// its own.
//
// The package doesn't log, doesn't count and knows no service.
package fault
