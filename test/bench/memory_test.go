package bench_test

import (
	"runtime/debug"
	"runtime/metrics"
	"testing"
	"time"
)

const (
	mib = 1 << 20
	// lookEvery is short beside a password hash, for whose time its memory is held.
	lookEvery = 5 * time.Millisecond
)

// peakMemory does something, and returns the most memory that the process, callers and all, held of the system's meanwhile. What was held before
// and isn't needed is given back first.
func peakMemory(b *testing.B, do func()) int64 {
	b.Helper()
	debug.FreeOSMemory()
	done, peak := make(chan struct{}), make(chan int64)
	go func() {
		ticker := time.NewTicker(lookEvery)
		defer ticker.Stop()
		most := heldMemory()
		for {
			select {
			case <-ticker.C:
				most = max(most, heldMemory())
			case <-done:
				peak <- max(most, heldMemory())
				return
			}
		}
	}()
	do()
	close(done)
	return <-peak
}

// heldMemory is what the Go runtime has from the system and hasn't given back. Stores' mapped pages aren't in it.
func heldMemory() int64 {
	samples := []metrics.Sample{{Name: "/memory/classes/total:bytes"}, {Name: "/memory/classes/heap/released:bytes"}}
	metrics.Read(samples)
	return int64(samples[0].Value.Uint64()) - int64(samples[1].Value.Uint64())
}
