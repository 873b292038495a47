package credential

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// calibrationRounds is how often each worker hashes under each set of parameters, after once to warm up.
const calibrationRounds = 3

// slowHash is from when on one round is enough: what disturbs is little beside it, and whoever waits for it waits long enough.
const slowHash = 200 * time.Millisecond

// calibrationPassword is as long as any whose length makes a hash slower.
var calibrationPassword = secret.Wrap(strings.Repeat("a", 128))

// calibrate measures one hash while all workers hash, as in a flood, under the slowest of the forms in use. The
// median is taken, so that one pause doesn't count; the deadline has room for those.
func calibrate(h Hasher, workers int, specimens []string) (time.Duration, error) {
	slowest := measure(h, workers, PHC{})
	for _, specimen := range specimens {
		stored := WrapPHC(specimen)
		if _, err := Inspect(stored); err != nil {
			return 0, fmt.Errorf("a specimen of the stored forms can't be read: %w", err)
		}
		slowest = max(slowest, measure(h, workers, stored))
	}
	return slowest, nil
}

func measure(h Hasher, workers int, stored PHC) time.Duration {
	took := make([][]time.Duration, workers)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() { took[worker] = sampled(h, stored) })
	}
	running.Wait()
	samples := slices.Concat(took...)
	slices.Sort(samples)
	return max(samples[len(samples)/2], time.Nanosecond) // never 0, which would be no deadline
}

// sampled is what one worker took, after once to warm up.
func sampled(h Hasher, stored PHC) (took []time.Duration) {
	for round := range calibrationRounds + 1 {
		start := time.Now()
		_, _ = h.Verify(stored, calibrationPassword) // the specimens were read, and nobody's password is right
		last := time.Since(start)
		if round > 0 {
			took = append(took, last)
		}
		if round > 0 && last >= slowHash {
			break
		}
	}
	return took
}
