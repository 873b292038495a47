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
	samples := make([]time.Duration, workers*calibrationRounds)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			_, _ = h.Verify(stored, calibrationPassword) // the specimens were read, and nobody's password is right
			for round := range calibrationRounds {
				start := time.Now()
				_, _ = h.Verify(stored, calibrationPassword)
				samples[worker*calibrationRounds+round] = time.Since(start)
			}
		})
	}
	running.Wait()
	slices.Sort(samples)
	return max(samples[len(samples)/2], time.Nanosecond) // never 0, which would be no deadline
}
