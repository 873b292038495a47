package quota

import (
	"slices"
	"time"
)

// wrongClock is more than the clocks of two replicas may differ by.
const wrongClock = time.Minute

// Limit is how many uses a window takes.
type Limit struct {
	Uses   int
	Window time.Duration
	// Slot is how exactly they are kept: those within one slot as a number, as if each were at its end. 0 keeps each by itself.
	Slot time.Duration
}

// Budget is what was used. Its zero value is a full one.
type Budget struct {
	// Used are the uses, oldest first.
	Used []Use
}

// Use is a number of uses at one moment.
type Use struct {
	At    time.Time
	Times int
}

// Free says whether the limit takes one more use, and else after how long it does. A limit of no uses takes none.
func (b *Budget) Free(limit Limit, now time.Time) (retryIn time.Duration, ok bool) {
	if limit.Uses <= 0 {
		return limit.Window, false
	}
	within := 0
	for _, use := range slices.Backward(b.Used) {
		if !limit.counts(use, now) {
			continue
		}
		if within += use.Times; within >= limit.Uses {
			return use.At.Add(limit.Window).Sub(now), false
		}
	}
	return 0, true
}

// Use takes one use where the limit takes one, and else says after how long it does.
func (b *Budget) Use(limit Limit, now time.Time) (retryIn time.Duration, ok bool) {
	if retryIn, ok = b.Free(limit, now); ok {
		b.Take(limit, now)
	}
	return retryIn, ok
}

// Take takes one use, and forgets those that don't count any more.
func (b *Budget) Take(limit Limit, now time.Time) {
	b.Used = slices.DeleteFunc(b.Used, func(use Use) bool { return !limit.counts(use, now) })
	at := limit.moment(now)
	if last := len(b.Used) - 1; limit.Slot > 0 && last >= 0 && b.Used[last].At.Equal(at) {
		b.Used[last].Times++
		return
	}
	b.Used = append(b.Used, Use{At: at, Times: 1})
}

// moment is when a use counts as made.
func (l Limit) moment(now time.Time) time.Time {
	if l.Slot <= 0 {
		return now
	}
	return now.Truncate(l.Slot).Add(l.Slot)
}

// counts says whether a use is within the window. One in the future was made while the clock was wrong.
func (l Limit) counts(use Use, now time.Time) bool {
	return use.At.After(now.Add(-l.Window)) && !use.At.After(l.moment(now).Add(wrongClock))
}

// EmptyAfter is when the budget is full again if nothing more happens, and its record can go.
func (b *Budget) EmptyAfter(limit Limit) time.Time {
	if len(b.Used) == 0 {
		return time.Time{}
	}
	return b.Used[len(b.Used)-1].At.Add(limit.Window)
}
