package fault

import "google.golang.org/grpc/codes"

// Kind says what sort of failure it is. It decides the gRPC code, and so what a
// caller's library does with it (retry, give up, ask for credentials).
type Kind int

// The kinds, each with the code it becomes. The zero value is Internal, the one
// that tells a caller least.
const (
	Internal         Kind = iota // INTERNAL: our fault; the log knows more
	Invalid                      // INVALID_ARGUMENT: the request can never succeed as it is
	Unauthenticated              // UNAUTHENTICATED: the caller's own credentials are missing or wrong
	Denied                       // PERMISSION_DENIED: we know the caller, and it may not
	NotFound                     // NOT_FOUND
	AlreadyExists                // ALREADY_EXISTS
	Precondition                 // FAILED_PRECONDITION: not in this state; change the state first
	Aborted                      // ABORTED: lost a race; read again and retry
	Exhausted                    // RESOURCE_EXHAUSTED: too much; RetryIn says when to come back
	Unavailable                  // UNAVAILABLE: not now; retry with backoff
	DeadlineExceeded             // DEADLINE_EXCEEDED
	Canceled                     // CANCELLED: the caller went away
	Unimplemented                // UNIMPLEMENTED
)

// kindCodes is the mapping in both directions; codes that it lacks read as Internal.
var kindCodes = map[Kind]codes.Code{
	Internal:         codes.Internal,
	Invalid:          codes.InvalidArgument,
	Unauthenticated:  codes.Unauthenticated,
	Denied:           codes.PermissionDenied,
	NotFound:         codes.NotFound,
	AlreadyExists:    codes.AlreadyExists,
	Precondition:     codes.FailedPrecondition,
	Aborted:          codes.Aborted,
	Exhausted:        codes.ResourceExhausted,
	Unavailable:      codes.Unavailable,
	DeadlineExceeded: codes.DeadlineExceeded,
	Canceled:         codes.Canceled,
	Unimplemented:    codes.Unimplemented,
}

// Code is the gRPC code of the kind.
func (k Kind) Code() codes.Code {
	if c, ok := kindCodes[k]; ok {
		return c
	}
	return codes.Internal
}

// String is the name of the gRPC code.
func (k Kind) String() string { return k.Code().String() }

func kindOf(c codes.Code) Kind {
	for k, kc := range kindCodes {
		if kc == c {
			return k
		}
	}
	return Internal
}
