package bench_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// turns is how often two things that are compared take turns, so that both see the machine's good and bad moments.
const turns = 5

// With fewer calls in a turn, some callers wouldn't call, and the turn's begin and end would be most of it.
const (
	leastPerCaller = 2
	leastPerTurn   = 16
)

// rate adds up calls and the time they took.
type rate struct {
	calls int64
	took  time.Duration
}

func (r *rate) perSecond() float64 { return float64(r.calls) / r.took.Seconds() }

// measure has callers make n calls between them. The first error ends it.
func (r *rate) measure(b *testing.B, n, callers int, call func(caller int) error) {
	b.Helper()
	var begun atomic.Int64
	var failed atomic.Bool
	var running sync.WaitGroup
	start := time.Now()
	for caller := range callers {
		running.Go(func() {
			for begun.Add(1) <= int64(n) && !failed.Load() {
				if err := call(caller); err != nil {
					failed.Store(true)
					b.Error(err)
					return
				}
			}
		})
	}
	running.Wait()
	r.took += time.Since(start)
	r.calls += int64(n)
	if failed.Load() {
		b.FailNow()
	}
}

// compare measures calls beside their limit, b.N of each but at least some for each caller, and reports both and their ratio.
func compare(b *testing.B, callers int, limit, calls func(r *rate, n int)) {
	b.Helper()
	perTurn := max(b.N/turns, leastPerCaller*callers, leastPerTurn)
	var bare, full rate
	b.ResetTimer()
	for range turns {
		limit(&bare, perTurn)
		calls(&full, perTurn)
	}
	b.StopTimer()
	b.ReportMetric(0, "ns/op") // says nothing here: it counts both
	b.ReportMetric(bare.perSecond(), "limit/s")
	b.ReportMetric(full.perSecond(), "calls/s")
	b.ReportMetric(full.perSecond()/bare.perSecond(), "ratio")
}
