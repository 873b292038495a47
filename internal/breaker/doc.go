// Package breaker decides whether a remote party that may be down is asked at all, so that callers don't each wait for it.
//
//	          failures in a row                   a pause
//	closed ------------------------> open -----------------> probing: one call asks, the others are told that it is down
//	   ^                              ^                          |
//	   |                              +------- it fails ---------+
//	   +------------------------------------ it succeeds --------+
//
// It owns the count and the one probe. What counts as a failure, and what a caller is told who wasn't let through, is for the client to say
// that holds the breaker. It starts no goroutine.
//
// Called by clients of what a service asks while a user waits: risk, and the range API of breached passwords.
package breaker
