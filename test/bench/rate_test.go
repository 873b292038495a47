package bench_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Two things that are compared take turns, so that both see the machine's good and bad moments. A turn is long beside a password hash, of
// which the last few aren't counted.
const (
	turns = 5
	turn  = time.Second
)

// rate adds up calls and the time they took.
type rate struct {
	calls int64
	took  time.Duration
}

func (r *rate) perSecond() float64 { return float64(r.calls) / r.took.Seconds() }

// measure has callers call for a turn, and counts what is done by its end. The first error ends it.
func (r *rate) measure(b *testing.B, callers int, call func(caller int) error) {
	b.Helper()
	var done atomic.Int64
	var failed atomic.Bool
	var running sync.WaitGroup
	end := time.Now().Add(turn)
	for caller := range callers {
		running.Go(func() {
			for time.Now().Before(end) && !failed.Load() {
				if err := call(caller); err != nil {
					failed.Store(true)
					b.Error(err)
					return
				}
				if time.Now().Before(end) {
					done.Add(1)
				}
			}
		})
	}
	running.Wait()
	if failed.Load() {
		b.FailNow()
	}
	r.calls += done.Load()
	r.took += turn
}

// comparison is what compare measures: calls beside their limit, and the most memory that each needed.
type comparison struct {
	limit, calls             rate
	limitMemory, callsMemory int64 // bytes
}

// compare measures calls beside their limit, and reports both and their ratio.
func compare(b *testing.B, limit, calls func(r *rate)) comparison {
	b.Helper()
	var c comparison
	for b.Loop() { // once: it takes longer than the usual -benchtime
		for range turns {
			c.limitMemory = max(c.limitMemory, peakMemory(b, func() { limit(&c.limit) }))
			c.callsMemory = max(c.callsMemory, peakMemory(b, func() { calls(&c.calls) }))
		}
	}
	b.ReportMetric(0, "ns/op") // says nothing here: it counts both
	b.ReportMetric(c.limit.perSecond(), "limit/s")
	b.ReportMetric(c.calls.perSecond(), "calls/s")
	b.ReportMetric(c.calls.perSecond()/c.limit.perSecond(), "ratio")
	return c
}
