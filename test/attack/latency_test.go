package attack_test

import (
	"slices"
	"time"
)

// latencies are what calls took.
type latencies []time.Duration

func (l *latencies) take(call func() error) error {
	began := time.Now()
	err := call()
	*l = append(*l, time.Since(began))
	return err
}

func (l latencies) worst() time.Duration { return slices.Max(l).Round(time.Millisecond / 10) }

func (l latencies) p99() time.Duration {
	sorted := slices.Sorted(slices.Values(l))
	return sorted[len(sorted)*99/100].Round(time.Millisecond / 10)
}
