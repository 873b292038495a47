// Package history keeps what risk remembers: of each user the sign-ins that succeeded, and of each address and account how
// often sign-in failed of late.
//
// History is a plain value, one per user, that the store keeps as JSON and that Apply and Disown turn into the next one. It
// holds successes only, the last MaxRecent of them in full and beyond that counts by country. Events may come twice and,
// within MaxRecent, in any order: the event's id and the user's version settle it.
//
// Counters live in memory. A try counts from the moment it is assessed, before anybody knows how it ends:
//
//	           Begin                     Settle(failed)
//	unknown ──────────▶ pending (counts) ──────────────▶ failed (counts) ──┐
//	   │                     │                                │            │ a window later
//	   │ Settle(failed)      │ Settle(succeeded)              │ succeeded  ├──────────────▶ forgotten
//	   ├────────────▶ failed ▼                                ▼            │
//	   └────────────▶ succeeded (doesn't count) ◀─────────────┘ ───────────┘
//	  Settle(succeeded)
//
// A pending try that is withdrawn counts no more, whatever comes after: it was sent away to solve a challenge, and came back as another with the solution.
//
// So parallel guesses can't outrun the count, and one that is never settled stays a failure. Success is final whatever comes
// after it, because failures and successes travel in different streams with no order between them. After a restart the
// events of one window bring everything back but the tries that were in flight.
//
// Cursor is how far the stream has been read that all this comes from.
//
// The package decides nothing (signal and score do) and does no I/O. risk's flow calls it: Begin in Assess, Withdraw when a
// solution is taken, the rest for each event.
package history
