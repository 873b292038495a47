package rpc

import (
	"sync/atomic"
	"time"
)

// sparing spares the log of what may happen a thousand times a second: it asks for
// one line a second, with how often it happened.
type sparing struct {
	now   func() time.Time
	last  atomic.Int64 // when the last line was asked for, in Unix nanoseconds
	count atomic.Int64
}

// happened counts, and says whether to write a line now, and of how many.
func (s *sparing) happened() (times int64, tell bool) {
	s.count.Add(1)
	now, last := s.now().UnixNano(), s.last.Load()
	if now-last < int64(time.Second) || !s.last.CompareAndSwap(last, now) {
		return 0, false
	}
	return s.count.Swap(0), true
}
