// Package credential owns passwords: which may be set, how they are stored, and how the work of checking them is
// shared out among callers.
//
// A password is used whole, in Unicode's NFC, and its length is counted in code points (NIST SP 800-63B-4, 3.1.1.2).
// It is stored as an argon2id string in the PHC format (RFC 9106), and stored anew at a sign-in when the parameters
// have changed since.
//
// Checking is expensive on purpose, so it is where a flood would hurt. The Pool bounds it: one worker per core, two
// lanes, and a fixed moment at which every failure answers.
//
//	Begin ──busy──► BusyError, before anything is looked up
//	  │
//	Ticket ──Verify or Hash──► a worker's turn ──► Result
//	  │                                              │
//	Release (not used: the slot is free again)       ├─ right: go on at once
//	                                                 └─ wrong, or no such user: AwaitDeadline, then answer
//
// The package has no store and no proto, and doesn't count failures: lockout is reserved by the flow, before the
// hash. Whether a password is known to be breached is another package's question too. The flow package calls it.
package credential
