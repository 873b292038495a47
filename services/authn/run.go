package authn

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/bus"
)

const (
	// tendEvery is how often signing keys are looked after, and what has expired is swept.
	tendEvery = time.Minute
	// tendTimeout bounds each of those.
	tendTimeout = 30 * time.Second
)

// Run serves until ctx ends, then stops: calls in flight finish, the commands being carried out finish, the outbox drains, and store and
// pool close. It owns every goroutine that it starts.
func (s *Service) Run(ctx context.Context) error {
	s.deps.Logger.LogAttrs(ctx, slog.LevelInfo, "authn is ready",
		slog.String("address", s.Addr().String()),
		slog.Duration("password_deadline", s.pool.Deadline()))
	err := app.Run(ctx, s.deps.Logger,
		app.Task{Name: "streams", Run: s.checkStreams},
		app.Task{Name: "outbox", Run: s.relay.Serve},
		app.Task{Name: "commands", Run: s.consume},
		app.Task{Name: "signing keys", Run: s.tendKeys},
		app.Task{Name: "sweeper", Run: s.sweep},
		app.Task{Name: "restrictions", Run: s.followLists},
		app.Task{Name: "refusals", Run: s.sumRefusals},
		app.Task{Name: "server", Run: s.server.Run},
		app.Task{Name: "health", Run: s.tellHealth},
	)
	return errors.Join(err, s.Close())
}

// consume carries out commands.
func (s *Service) consume(ctx context.Context) error {
	return bus.Consume(ctx, s.bus, bus.ConsumeConfig{
		Stream:  bus.StreamCommands,
		Handle:  s.commands.Handle,
		Logger:  s.deps.Logger,
		Metrics: s.deliveries,
		Tracing: s.deps.Tracing,
	})
}

func (s *Service) tendKeys(ctx context.Context) error {
	every(ctx, tendEvery, func() {
		tending, cancel := context.WithTimeout(ctx, tendTimeout)
		defer cancel()
		if err := s.keys.Tend(tending); err != nil && ctx.Err() == nil {
			s.deps.Logger.LogAttrs(ctx, slog.LevelError, "signing keys can't be looked after; those in force stay", slog.Any("error", err))
		}
	})
	return nil
}

func (s *Service) sweep(ctx context.Context) error {
	every(ctx, tendEvery, func() {
		sweeping, cancel := context.WithTimeout(ctx, tendTimeout)
		defer cancel()
		if err := s.sweeper.Sweep(sweeping); err != nil && ctx.Err() == nil {
			s.deps.Logger.LogAttrs(ctx, slog.LevelError, "what has expired can't be swept", slog.Any("error", err))
		}
	})
	return nil
}

func (s *Service) followLists(ctx context.Context) error {
	s.lists.Watch(ctx)
	return nil
}

// sumRefusals writes what refusals had no records of their own, and the rest of it at the end: the server has stopped by then.
func (s *Service) sumRefusals(ctx context.Context) error {
	every(ctx, tendEvery, func() { s.refusals.Sum(ctx, false) })
	s.refusals.Sum(ctx, true)
	return nil
}

// tellHealth tells health checks how the service is. It is the last to start and the first to stop.
func (s *Service) tellHealth(ctx context.Context) error { return s.server.ReportHealth(ctx, s.Healthy) }

// every calls do at each period until ctx ends.
func every(ctx context.Context, period time.Duration, do func()) {
	ticker := time.NewTicker(period)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			do()
		case <-ctx.Done():
			return
		}
	}
}
