package feed

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/history"
)

// The types of events that are read, of those in the two streams.
const (
	typeSignInSucceeded  = "authn.signin.succeeded.v1"
	typeSessionContained = "authn.session.contained.v1"
	typeSignInFailed     = "attempt.signin.failed.v1"
)

// Config is what a feed needs. All but Tracing is required.
type Config struct {
	Conn *bus.Conn
	View *flow.View
	// Window is how far back failures matter.
	Window  time.Duration
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics *bus.Metrics
	Tracing telemetry.Tracing
}

// Feed follows both streams.
type Feed struct {
	history, attempts *bus.View
	ready             chan struct{}
}

// New reads nothing yet.
func New(c Config) (*Feed, error) {
	if c.View == nil || c.Conn == nil || c.Window <= 0 || c.Now == nil {
		return nil, errors.New("feed: a connection, a view, a window and a clock are needed")
	}
	historyView, err := bus.NewView(c.Conn, bus.FollowConfig{
		Stream: bus.StreamAuthn, Load: loadFrom(c.View), Handle: learn(c.View), Logger: c.Logger, Metrics: c.Metrics, Tracing: c.Tracing,
	})
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	attempts, err := bus.NewView(c.Conn, bus.FollowConfig{
		Stream: bus.StreamAttempts, Load: since(c.Window, c.Now), Handle: count(c.View), Logger: c.Logger, Metrics: c.Metrics,
		Tracing: c.Tracing,
	})
	if err != nil {
		return nil, fmt.Errorf("feed: %w", err)
	}
	return &Feed{history: historyView, attempts: attempts, ready: make(chan struct{})}, nil
}

// Ready is closed when both streams have been read to their end once.
func (f *Feed) Ready() <-chan struct{} { return f.ready }

// Run follows until ctx ends. Before that it returns only when events are missing that the stream no longer holds. It owns its goroutines
// and returns when they have ended. Call it once.
func (f *Feed) Run(ctx context.Context) error {
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	views := []*bus.View{f.history, f.attempts}
	ended := make(chan error, len(views))
	for _, view := range views {
		go func() {
			err := view.Run(ctx)
			stop() // one alone isn't enough
			ended <- err
		}()
	}
	go func() {
		for _, view := range views {
			select {
			case <-view.Ready():
			case <-ctx.Done():
				return
			}
		}
		close(f.ready)
	}()
	var failures []error
	for range views {
		failures = append(failures, <-ended)
	}
	return errors.Join(failures...)
}

// loadFrom begins where the stored history ends.
func loadFrom(view *flow.View) func(context.Context) (bus.Cursor, error) {
	return func(ctx context.Context) (bus.Cursor, error) {
		c, err := view.Cursor(ctx)
		return bus.Cursor(c), err
	}
}

// since begins a window ago, at every start: counters are kept in memory alone, and what they have counted they know by its reference. The
// cursor belongs to no stream that there is, so the bus begins by its time.
func since(window time.Duration, now func() time.Time) func(context.Context) (bus.Cursor, error) {
	return func(context.Context) (bus.Cursor, error) {
		return bus.Cursor{Sequence: 1, Stored: now().Add(-window)}, nil
	}
}

// learn applies what DOORWARD_AUTHN says.
func learn(view *flow.View) func(context.Context, bus.Event, bus.Cursor) error {
	return func(ctx context.Context, e bus.Event, c bus.Cursor) error {
		at := history.Cursor(c)
		switch e.Type {
		case typeSignInSucceeded:
			s, err := signedIn(e)
			if err != nil {
				return bus.Permanent(err)
			}
			return view.SignedIn(ctx, s, at)
		case typeSessionContained:
			c, err := contained(e)
			if err != nil {
				return bus.Permanent(err)
			}
			return view.Contained(ctx, c, at)
		default:
			return view.Passed(ctx, at)
		}
	}
}

// count applies what DOORWARD_ATTEMPTS says. Its events are in nobody's history, so there is no cursor to move.
func count(view *flow.View) func(context.Context, bus.Event, bus.Cursor) error {
	return func(_ context.Context, e bus.Event, _ bus.Cursor) error {
		if e.Type != typeSignInFailed {
			return nil
		}
		try, at, err := failed(e)
		if err != nil {
			return bus.Permanent(err)
		}
		view.Failed(try, at)
		return nil
	}
}
