// Package rpc builds the gRPC servers and clients of the suite, so that every one
// of them has the same locks, limits and manners.
//
// A server: TLS 1.3 with verified client certificates, the access table of package
// access, protovalidate on every request, a deadline on every call, health, and the
// interceptors whose order interceptors.go explains. It bounds messages, headers,
// connections and the calls in flight, of which it refuses the less important ones
// first; limits.go has the numbers, and docs/limits.md what operators need of them.
// A client: mutual TLS with a server name that must match, a deadline on every call
// with a part of the budget kept back at each hop, the request id passed on, and
// errors as faults.
//
// What the package doesn't know is who callers are: a service passes in its
// Authenticate, and MTLSOnly serves those that admit other services alone.
//
// Who calls it: each service's New builds a server and registers its API on it;
// services and operator commands dial through Dial.
package rpc
