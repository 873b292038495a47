package telemetry

import (
	"sync/atomic"
	"time"
)

// Sparing spares the log of what may happen a thousand times a second: it asks for
// one line a second, with how often it happened. It is safe for concurrent use.
type Sparing struct {
	now   func() time.Time
	last  atomic.Int64 // when the last line was asked for, in Unix nanoseconds
	count atomic.Int64
}

// NewSparing counts by the given clock.
func NewSparing(now func() time.Time) *Sparing { return &Sparing{now: now} }

// Happened counts, and says whether to write a line now, and of how many.
func (s *Sparing) Happened() (times int64, tell bool) {
	s.count.Add(1)
	now, last := s.now().UnixNano(), s.last.Load()
	// A line in the future was asked for before the clock was set back.
	if soon := last <= now && now-last < int64(time.Second); soon || !s.last.CompareAndSwap(last, now) {
		return 0, false
	}
	return s.count.Swap(0), true
}
