// Package lockout is the budget of failures that an identifier has per authenticator.
//
// A failure is reserved before the answer is checked and settled after: whoever guesses in parallel can't outrun the count. The budget
// is keyed by a keyed hash of the identifier, so that it is the same for identifiers that belong to nobody.
//
//	Reserve --> reserved --+-- Settle(Right) --> the whole budget is free again
//	   |                   +-- Settle(Wrong) --> a failure, until it is older than the window
//	   |                   +-- Settle(Unchecked) --> nothing happened
//	   +-- spent: refused, with the time until the oldest failure leaves the window
//
// A reservation that is never settled, because the process died, counts as a failure. It is pure; the flows keep the budget in the store.
package lockout

import (
	"slices"
	"time"
)

// Limit is how many failures a window takes.
type Limit struct {
	Failures int
	Window   time.Duration
}

// Budget is what was spent. Its zero value is a full one.
type Budget struct {
	// Spent are the failures and reservations within the window, oldest first.
	Spent []Entry
}

// Entry is one failure or reservation.
type Entry struct {
	// ID names the answer it stands for.
	ID string
	// At is when it was reserved.
	At time.Time
}

// Outcome is how a reserved answer fared.
type Outcome int

// How it can fare.
const (
	// Wrong leaves the reservation as a failure. It is the zero value: what isn't known to be right is wrong.
	Wrong Outcome = iota
	// Right frees the whole budget.
	Right
	// Unchecked takes the reservation back: nobody looked at the answer.
	Unchecked
)

// Reserve takes one failure out of the budget. When there is none left it refuses, and says after how long there is. A limit of no
// failures lets nobody try.
func (b *Budget) Reserve(id string, limit Limit, now time.Time) (retryIn time.Duration, ok bool) {
	if limit.Failures <= 0 {
		return limit.Window, false
	}
	b.forget(now.Add(-limit.Window))
	if len(b.Spent) >= limit.Failures {
		oldest := b.Spent[len(b.Spent)-limit.Failures]
		return oldest.At.Add(limit.Window).Sub(now), false
	}
	b.Spent = append(b.Spent, Entry{ID: id, At: now})
	return 0, true
}

// Settle says how the reserved answer fared.
func (b *Budget) Settle(id string, outcome Outcome) {
	switch outcome {
	case Right:
		b.Spent = nil
	case Unchecked:
		b.Spent = slices.DeleteFunc(b.Spent, func(e Entry) bool { return e.ID == id })
	case Wrong:
	}
}

// EmptyAfter is when the budget is full again if nothing more happens, and its record can go.
func (b *Budget) EmptyAfter(limit Limit) time.Time {
	if len(b.Spent) == 0 {
		return time.Time{}
	}
	return b.Spent[len(b.Spent)-1].At.Add(limit.Window)
}

// forget drops what has left the window.
func (b *Budget) forget(before time.Time) {
	b.Spent = slices.DeleteFunc(b.Spent, func(e Entry) bool { return !e.At.After(before) })
}
