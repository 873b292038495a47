package credential

import (
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/secret"
)

// BenchmarkPool prints how many hashes a second callers get through the pool, beside the bare hash on as many
// goroutines as there are callers or cores, whichever is fewer, and the ratio of the two in this run.
// Half of the callers are strangers. Run it with -benchtime 100x or more.
func BenchmarkPool(b *testing.B) {
	for _, callers := range []int{1, 8, 32, 128} {
		b.Run(fmt.Sprintf("callers=%d", callers), func(b *testing.B) {
			p, err := NewPool(Config{Params: DefaultParams(), Metrics: prometheus.NewRegistry()})
			if err != nil {
				b.Fatal(err)
			}
			defer p.Close()
			bare := rate(b.N, min(callers, runtime.GOMAXPROCS(0)), func(int) bool {
				p.hasher.spend(nil)
				return true
			})
			b.ResetTimer()
			pooled := rate(b.N, callers, func(caller int) bool {
				ticket, err := p.Begin(Lane(caller % int(laneCount)))
				if err != nil {
					return false
				}
				_, err = ticket.Verify(b.Context(), PHC{}, secret.Text{})
				return err == nil
			})
			b.ReportMetric(bare, "bare/s")
			b.ReportMetric(pooled, "pool/s")
			b.ReportMetric(pooled/bare, "ratio")
		})
	}
}

// rate has goroutines call hash until n calls have succeeded, and returns calls per second. A refused caller pauses.
func rate(n, goroutines int, hash func(goroutine int) bool) float64 {
	var done atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	for g := range goroutines {
		running.Go(func() {
			for done.Load() < int64(n) {
				if hash(g) {
					done.Add(1)
				} else {
					<-time.After(5 * time.Millisecond)
				}
			}
		})
	}
	running.Wait()
	return float64(done.Load()) / time.Since(start).Seconds()
}
