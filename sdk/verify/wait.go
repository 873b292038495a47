package verify

import (
	"context"
	"math/rand/v2"
	"time"
)

const (
	firstPause   = 100 * time.Millisecond
	longestPause = 5 * time.Second
)

// backoff grows with the failures in a row, and is spread so that the verifiers of a fleet don't come back as one.
func backoff(failures int) time.Duration {
	pause := longestPause
	if failures < 7 {
		pause = min(firstPause<<failures, longestPause)
	}
	return pause/2 + rand.N(pause/2) //nolint:gosec // G404: jitter is no secret
}

// wait returns false if the context ended first.
func wait(ctx context.Context, pause time.Duration) bool { return waitOr(ctx, pause, nil) }

// waitOr waits until it is woken too.
func waitOr(ctx context.Context, pause time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-woken:
		return true
	case <-ctx.Done():
		return false
	}
}
