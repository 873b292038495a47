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
	// healthEvery is how often health is told.
	healthEvery = time.Second
	// drainGrace is how long the outbox may take to empty at a stop. What stays is published at the next start.
	drainGrace = 5 * time.Second
)

// Run serves until ctx ends, then stops: calls in flight finish, the commands being carried out finish, the outbox drains, and store and
// pool close. It owns every goroutine that it starts.
func (s *Service) Run(ctx context.Context) error {
	s.deps.Logger.LogAttrs(ctx, slog.LevelInfo, "authn is ready",
		slog.String("address", s.Addr().String()),
		slog.Duration("password_deadline", s.pool.Deadline()))
	err := app.Run(ctx, s.deps.Logger,
		app.Task{Name: "streams", Run: s.checkStreams},
		app.Task{Name: "outbox", Run: s.publish},
		app.Task{Name: "commands", Run: s.consume},
		app.Task{Name: "signing keys", Run: s.tendKeys},
		app.Task{Name: "sweeper", Run: s.sweep},
		app.Task{Name: "server", Run: s.server.Run},
		app.Task{Name: "health", Run: s.tellHealth},
	)
	return errors.Join(err, s.Close())
}

// publish runs the relay. At a stop nobody commits any more, so the relay is given a moment to empty the outbox before it goes.
func (s *Service) publish(ctx context.Context) error {
	relaying, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	ended := make(chan error, 1)
	go func() { ended <- s.relay.Run(relaying) }()
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
	}
	draining, cancel := context.WithTimeout(relaying, drainGrace)
	defer cancel()
	if err := s.relay.Drain(draining); err != nil {
		s.deps.Logger.LogAttrs(ctx, slog.LevelWarn, "the outbox isn't empty; the rest is published at the next start", slog.Any("error", err))
	}
	stop()
	return <-ended
}

// consume carries out commands.
func (s *Service) consume(ctx context.Context) error {
	return bus.Consume(ctx, s.bus, bus.ConsumeConfig{
		Stream:  bus.StreamCommands,
		Durable: string(bus.Authn),
		Handle:  s.commands.Handle,
		Logger:  s.deps.Logger,
		Metrics: s.deliveries,
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

// tellHealth tells health checks how the service is. It is the last to start and the first to stop.
func (s *Service) tellHealth(ctx context.Context) error {
	serving := false
	tell := func() {
		looking, cancel := context.WithTimeout(ctx, healthEvery)
		defer cancel()
		err := s.Healthy(looking)
		if ctx.Err() != nil {
			return
		}
		if now := err == nil; now != serving {
			serving = now
			s.server.SetServing(serving)
			level := slog.LevelError
			if serving {
				level = slog.LevelInfo
			}
			s.deps.Logger.LogAttrs(ctx, level, "health changed", slog.Bool("serving", serving), slog.Any("error", err))
		}
	}
	tell()
	every(ctx, healthEvery, tell)
	s.server.SetServing(false)
	return nil
}

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
