package credential

import (
	"slices"
	"sync"
	"time"
)

// calibrationRounds is how often each worker hashes under each set of parameters, after once to warm up.
const calibrationRounds = 3

// calibrate measures one hash while all workers hash, as in a flood, under the slowest of the parameters in use. The
// median is taken, so that one pause doesn't count; the deadline has room for those.
func calibrate(c Config) (time.Duration, error) {
	var slowest time.Duration
	for _, params := range append([]Params{c.Params}, c.Stored...) {
		hasher, err := newHasher(params, c.Kernel)
		if err != nil {
			return 0, err
		}
		slowest = max(slowest, measure(hasher, c.Workers))
	}
	return slowest, nil
}

func measure(h Hasher, workers int) time.Duration {
	samples := make([]time.Duration, workers*calibrationRounds)
	var running sync.WaitGroup
	for worker := range workers {
		running.Go(func() {
			h.spend(nil)
			for round := range calibrationRounds {
				start := time.Now()
				h.spend(nil)
				samples[worker*calibrationRounds+round] = time.Since(start)
			}
		})
	}
	running.Wait()
	slices.Sort(samples)
	return max(samples[len(samples)/2], time.Nanosecond) // never 0, which would be no deadline
}
