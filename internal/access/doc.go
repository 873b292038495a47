// Package access says who may call which method, how often, how early it is refused
// under load, and whether it is audited.
//
// Each service writes one Table, keyed by full method name. Whatever isn't in it
// is refused, and so is a row that leaves something out:
//
//	var table = access.Table{
//		authnv1.SessionService_RevokeSession_FullMethodName: {
//			Callers:  access.Operator,
//			Limit:    access.PerSecond(20),
//			Priority: access.Vital,
//			Audit:    true,
//		},
//	}
//
// The way of a call through it:
//
//	row? ──no──▶ PERMISSION_DENIED, ACCESS_ROW_MISSING, and an error in the log
//	  │yes
//	room for a call of the row's priority? ──no──▶ RESOURCE_EXHAUSTED, OVERLOADED
//	  │yes (package rpc counts the calls in flight)
//	credentials? ──none──▶ UNAUTHENTICATED, unless the row admits the public
//	  │
//	caller of a kind (for a service: with a name) in the row? ──no──▶ CALLER_NOT_ALLOWED
//	  │yes
//	connected with a certificate, if the row asks for one? ──no──▶ CALLER_NOT_ALLOWED
//	  │yes
//	every scope of the row? ──no──▶ SCOPE_MISSING
//	  │yes
//	within the row's limit for this caller? ──no──▶ RESOURCE_EXHAUSTED, RATE_LIMITED
//	  │yes
//	handler
//
// Who the caller is, the service's own authenticator finds out (package rpc calls
// it); this package judges the Principal that it made. What a caller may do with
// one particular user or session is for the service's use cases, which read the
// Principal from the context.
package access
