// Package quota bounds how often something is done within a window of time, such as codes sent to an address.
//
// It counts what was done, right or wrong; failures, which success wipes out, are package lockout's. It is pure; the flows keep a Budget in the store.
package quota

import (
	"slices"
	"time"
)

// Limit is how many uses a window takes.
type Limit struct {
	Uses   int
	Window time.Duration
}

// Budget is what was used. Its zero value is a full one.
type Budget struct {
	// Used are the moments within the window, oldest first.
	Used []time.Time
}

// Use takes one use out of the budget. When there is none left it refuses, and says after how long there is. A limit of no uses lets nobody.
func (b *Budget) Use(limit Limit, now time.Time) (retryIn time.Duration, ok bool) {
	if limit.Uses <= 0 {
		return limit.Window, false
	}
	b.forget(now.Add(-limit.Window))
	if len(b.Used) >= limit.Uses {
		oldest := b.Used[len(b.Used)-limit.Uses]
		return oldest.Add(limit.Window).Sub(now), false
	}
	b.Used = append(b.Used, now)
	return 0, true
}

// EmptyAfter is when the budget is full again if nothing more happens, and its record can go.
func (b *Budget) EmptyAfter(limit Limit) time.Time {
	if len(b.Used) == 0 {
		return time.Time{}
	}
	return b.Used[len(b.Used)-1].Add(limit.Window)
}

// forget drops what has left the window.
func (b *Budget) forget(before time.Time) {
	b.Used = slices.DeleteFunc(b.Used, func(at time.Time) bool { return !at.After(before) })
}
