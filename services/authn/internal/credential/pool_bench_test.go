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
			bareCallers := min(callers, runtime.GOMAXPROCS(0))
			var bare, pooled throughput
			for range rounds { // in turn, so that both see the machine's good and bad moments
				bare.measure(b.N/rounds+1, bareCallers, func(int) bool {
					p.hasher.spend(nil)
					return true
				})
				pooled.measure(b.N/rounds+1, callers, func(caller int) bool {
					ticket, err := p.Begin(Lane(caller % int(laneCount)))
					if err != nil {
						return false
					}
					_, err = ticket.Verify(b.Context(), PHC{}, secret.Text{})
					return err == nil
				})
			}
			b.ReportMetric(0, "ns/op") // says nothing here: it counts both
			b.ReportMetric(bare.rate(), "bare/s")
			b.ReportMetric(pooled.rate(), "pool/s")
			b.ReportMetric(pooled.rate()/bare.rate(), "ratio")
		})
	}
}

const rounds = 10

// throughput adds up calls and the time they took.
type throughput struct {
	calls int64
	took  time.Duration
}

func (m *throughput) rate() float64 { return float64(m.calls) / m.took.Seconds() }

// measure has goroutines call hash until n calls have succeeded. A refused caller pauses.
func (m *throughput) measure(n, goroutines int, hash func(goroutine int) bool) {
	var done atomic.Int64
	var running sync.WaitGroup
	start := time.Now()
	for g := range goroutines {
		running.Go(func() {
			pause := time.NewTicker(5 * time.Millisecond)
			defer pause.Stop()
			for done.Load() < int64(n) {
				if hash(g) {
					done.Add(1)
				} else {
					<-pause.C
				}
			}
		})
	}
	running.Wait()
	m.calls += done.Load()
	m.took += time.Since(start)
}
