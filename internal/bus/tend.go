package bus

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// tendEvery is how often the embedded server is looked after.
const tendEvery = time.Second

// tend turns JetStream on again whenever the server has turned it off, until ctx ends. The server does that when its disk refuses a write, and would leave it
// off until somebody started it anew. What it had acknowledged and lost by then, the outbox publishes again.
func (s *Server) tend(ctx context.Context) {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	off := false
	for {
		select {
		case <-ticker.C:
			off = s.turnOn(ctx, off)
		case <-ctx.Done():
			return
		}
	}
}

// turnOn says whether JetStream is still off. It logs once that it is, and once that it isn't any more.
func (s *Server) turnOn(ctx context.Context, wasOff bool) (isOff bool) {
	if s.nats.JetStreamEnabled() {
		return false
	}
	if !wasOff {
		s.log.LogAttrs(ctx, slog.LevelError, "bus: JetStream is off; is its disk full? It is tried again each second", slog.String("dir", s.jetstream.StoreDir))
	}
	jetstream := s.jetstream // the server changes what it is given
	if err := s.nats.EnableJetStream(&jetstream); err != nil {
		s.log.LogAttrs(ctx, slog.LevelDebug, "bus: JetStream can't be turned on", slog.Any("error", err))
		return true
	}
	s.log.LogAttrs(ctx, slog.LevelInfo, "bus: JetStream is on again")
	return false
}

// jetstreamOf is what the server made of its options when it started.
func jetstreamOf(o *server.Options) server.JetStreamConfig {
	return server.JetStreamConfig{
		StoreDir: o.StoreDir, SyncInterval: o.SyncInterval, SyncAlways: o.SyncAlways,
		MaxMemory: o.JetStreamMaxMemory, MaxStore: o.JetStreamMaxStore, Strict: !o.NoJetStreamStrict,
	}
}
