// Package credential owns passwords: which may be set, how they are stored, and how the work of checking them is
// shared out among callers.
//
// A password is used whole, in Unicode's NFC, and its length is counted in code points (NIST SP 800-63B-4, 3.1.1.2).
// It is stored as an argon2id string in the PHC format (RFC 9106), and stored anew at a sign-in when the parameters
// have changed since. An imported password is kept as the other system stored it (package foreign) until its owner gives
// it right for the first time; then it is stored like all others.
//
// A new password keeps the policy's Rules: length, what can be seen and typed again, composition where somebody must,
// and strength (package strength). What is wrong comes as Problems, which a page can show. The rules are for new
// passwords: one that is set is checked and renewed whatever they say.
//
// Checking is expensive on purpose, so it is where a flood would hurt. The Pool bounds it: one worker per core, two
// lanes, and a fixed moment at which every failure answers.
//
//	Begin ──busy──► BusyError, before anything is looked up
//	  │
//	Ticket ──Verify, HashNew, Renew──► a worker's turn ──► Result
//	  │                                                      │
//	Release (not used: the slot is free again)               ├─ right: go on at once
//	                                                         └─ wrong, or no such user: AwaitDeadline, then answer
//
// The package has no store and no proto, and doesn't count failures: lockout is reserved by the flow, before the
// hash. Whether a password is known to be breached is another package's question too. The flow package calls it.
package credential
