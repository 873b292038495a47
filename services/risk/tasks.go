package risk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/risk/internal/feed"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

const (
	sweepEvery = time.Hour
	lookEvery  = time.Second
)

// follow reads authn's events until ctx ends.
func (s *Service) follow(ctx context.Context) error {
	for {
		err := s.followOnce(ctx)
		if !errors.Is(err, bus.ErrGap) {
			return err
		}
		if !s.rebuild {
			return fmt.Errorf("the history of sign-ins lacks events that the stream has dropped; restore a newer risk.db, "+
				"or set rebuild_on_gap to build it anew from what is left: %w", err)
		}
		s.serving.set(false)
		s.deps.Logger.LogAttrs(ctx, slog.LevelError, "the history is built anew: the stream has dropped events that it lacks", slog.Any("error", err))
		if err := s.flow.View.Forget(ctx, "config rebuild_on_gap"); err != nil {
			return err
		}
	}
}

// checkStreams tells the operator what is wrong with the streams. Reading them is tried again and again in any case.
func (s *Service) checkStreams(ctx context.Context) error {
	if err := bus.AwaitStreams(ctx, s.conn); err != nil {
		s.deps.Logger.LogAttrs(ctx, slog.LevelError, "the streams aren't as this version needs them", slog.Any("error", err))
	}
	return nil
}

// followOnce serves from when the events have been read to their end once; it goes on serving while the bus is away.
func (s *Service) followOnce(ctx context.Context) error {
	f, err := feed.New(feed.Config{
		Conn: s.conn, View: s.flow.View, Window: history.DefaultWindow, Now: s.deps.Now, Logger: s.deps.Logger, Metrics: s.metrics,
		Tracing: s.deps.Tracing,
	})
	if err != nil {
		return err
	}
	ctx, stop := context.WithCancel(ctx)
	var announcer sync.WaitGroup
	defer announcer.Wait() // so that what it says doesn't outlive this feed
	defer stop()
	announcer.Go(func() {
		select {
		case <-f.Ready():
			s.serving.set(true)
		case <-ctx.Done():
		}
	})
	return f.Run(ctx)
}

// sweep forgets old decisions, at the start and every hour.
func (s *Service) sweep(ctx context.Context) error {
	every := time.NewTicker(sweepEvery)
	defer every.Stop()
	for {
		n, err := s.flow.Decisions.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			s.deps.Logger.LogAttrs(ctx, slog.LevelError, "old decisions were not deleted; tried again in an hour", slog.Any("error", err))
		}
		if n > 0 {
			s.deps.Logger.LogAttrs(ctx, slog.LevelInfo, "old decisions were deleted", slog.Int("count", n))
		}
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// serving is what health checks hear: that the history is loaded, and that the disk takes what is written.
type serving struct {
	caughtUp atomic.Bool
	server   *rpc.Server
	store    *boltstore.Store
	mu       sync.Mutex // one look at a time, so that an old one can't overtake
}

func (s *serving) set(caughtUp bool) {
	s.caughtUp.Store(caughtUp)
	s.look()
}

func (s *serving) look() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.server.SetServing(s.caughtUp.Load() && s.store.Health() == nil)
}

// watch looks at the store once a second. While it is broken, it tries a commit: nobody else may come who would find out that it is well.
func (s *serving) watch(ctx context.Context) error {
	every := time.NewTicker(lookEvery)
	defer every.Stop()
	for {
		s.probe(ctx)
		s.look()
		select {
		case <-every.C:
		case <-ctx.Done():
			return nil
		}
	}
}

// probe tries a commit where the last one failed; what it finds is in the store's Health.
func (s *serving) probe(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, lookEvery)
	defer cancel()
	_ = s.store.Probe(ctx)
}
