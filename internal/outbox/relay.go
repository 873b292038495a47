package outbox

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// The relay's rhythm. They are constants because nothing is gained by tuning them.
const (
	window      = 256                    // events in flight at most
	pageSize    = 2 * window             // rows read at once
	maxWidth    = 32 * pageSize          // rows read at once when those in front can't go
	tick        = time.Second            // heartbeat and gauges
	callTimeout = 5 * time.Second        // each call to the bus or the store
	keepFor     = 15 * time.Minute       // how long a published row can still be rewound
	forgetEvery = time.Minute            // how often older rows are removed
	firstWait   = 100 * time.Millisecond // after a failure; doubles up to longestWait
	longestWait = 5 * time.Second
	drainGrace  = 5 * time.Second // how long Serve drains
)

// ErrStopped says that Drain was called on a relay that isn't running.
var ErrStopped = errors.New("outbox: the relay has stopped")

// Config is what a Relay needs.
type Config struct {
	Queue     Queue
	Publisher Publisher
	// Streams this service writes to. It must be the only writer of each.
	Streams []string
	// Heartbeat makes the event that says "everything committed before at is in the stream before this". Nil for none.
	Heartbeat func(at time.Time) Row
	// Now is the clock.
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics prometheus.Registerer
}

// Relay publishes one service's rows. Create it with NewRelay, run it with Run.
type Relay struct {
	cfg     Config
	metrics *metrics
	drains  chan chan struct{}
	stopped chan struct{}
	// beaten is the moment of the last heartbeat that the stream has, in nanoseconds of the Unix epoch.
	beaten atomic.Int64
}

// NewRelay checks the configuration and registers the metrics.
func NewRelay(cfg Config) (*Relay, error) {
	if cfg.Queue == nil || cfg.Publisher == nil || cfg.Now == nil || cfg.Logger == nil || cfg.Metrics == nil || len(cfg.Streams) == 0 {
		return nil, errors.New("outbox: the relay needs a queue, a publisher, streams, a clock, a logger and a metrics registerer")
	}
	r := &Relay{cfg: cfg, drains: make(chan chan struct{}), stopped: make(chan struct{})}
	r.beaten.Store(cfg.Now().UnixNano())
	var feedAge func() float64
	if cfg.Heartbeat != nil {
		feedAge = r.feedAge
	}
	var err error
	if r.metrics, err = newMetrics(cfg.Metrics, cfg.Streams, feedAge); err != nil {
		return nil, err
	}
	return r, nil
}

// feedAge is how long ago, in seconds, that was before which the stream has everything.
func (r *Relay) feedAge() float64 {
	return max(0, r.cfg.Now().Sub(time.Unix(0, r.beaten.Load())).Seconds())
}

// Run publishes until ctx ends, and returns nil then; nothing else ends it. It may be called once. What is in flight when ctx ends
// stays pending and is published again by the next run: to stop without that, call Serve instead.
//
// It owns two goroutines, the collector of receipts and the keeper of acknowledgements, and returns when both have ended.
func (r *Relay) Run(ctx context.Context) error {
	defer close(r.stopped)
	l := newLoop(r)
	done := make(chan struct{}, 2)
	go func() { l.collect(ctx); done <- struct{}{} }()
	go func() { l.keep(ctx); done <- struct{}{} }()
	l.run(ctx)
	close(l.flights)
	close(l.jobs)
	<-done
	<-done
	return nil
}

// Serve runs the relay until ctx ends and then a little longer, so that what was committed until then is published. Stop it after all that
// appends. What can't be published in time is published by the next run.
func (r *Relay) Serve(ctx context.Context) error {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- r.Run(running) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(running, drainGrace)
	defer cancel()
	if err := r.Drain(draining); err != nil {
		r.cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "the outbox isn't empty; the rest is published at the next start", slog.Any("error", err))
	}
	stop()
	return <-ended
}

// Drain returns when everything that was committed before the call is published and acknowledged, or when ctx ends.
func (r *Relay) Drain(ctx context.Context) error {
	drained := make(chan struct{})
	select {
	case r.drains <- drained:
	case <-r.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("outbox: not drained: %w", context.Cause(ctx))
	}
	select {
	case <-drained:
		return nil
	case <-r.stopped:
		return ErrStopped
	case <-ctx.Done():
		return fmt.Errorf("outbox: not drained: %w", context.Cause(ctx))
	}
}
