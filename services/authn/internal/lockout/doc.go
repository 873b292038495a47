// Package lockout counts failures in a row, per identifier and authenticator, and says when the next try may be.
//
// A try is reserved before its answer is checked and settled after: whoever guesses in parallel can't outrun the count.
//
//	Reserve --> reserved --+-- Settle(Right) -----> the row ends
//	   |                   +-- Settle(Wrong) -----> one more in the row
//	   |                   +-- Settle(Unchecked) -> nothing happened
//	   |                   +-- never settled -----> one more in the row: its process died, and what isn't known to be right is wrong
//	   +-- refused, because the wait after the last failure isn't over, or the row has reached its end
//
// # Two rows
//
// Tries on devices that are known for the account are counted apart from all others, the strangers'. Whoever only knows an identifier fills the
// strangers' row, and its owner, on a known device, isn't kept waiting by that. An identifier that belongs to nobody has no known devices; its record is
// otherwise the same, and kept the same way.
//
// # Waits
//
// The first failures cost no wait. From one on each failure in a row doubles the wait for the next try, up to the lock. With the defaults:
//
//	failures in a row   1–4   5      6      7      8      9      10 and more
//	wait                none  1 min  2 min  4 min  8 min  16 min 1 h (on a known device 16 min)
//
// A row with no failure for the decay time, and whose wait is over, starts again at no wait.
//
// # The end of a row
//
// NIST SP 800-63B-4, section 3.2.2, allows at most 100 consecutive failures. Strangers may use 90 of them, so that 10 are always left for known devices.
// Neither time nor a new code gives these back; a right answer does, or an operator. Where a policy locks for good, strangers' row ends at the lock, and in the same ways.
//
// A record may be forgotten when nothing has happened for the decay time, or for 30 days once a row has cost a wait: an attacker who is content
// with four guesses a day gets those and no more.
//
// The package is pure: no clock and no store. The flows keep a Record under a keyed hash of identifier and authenticator.
package lockout
