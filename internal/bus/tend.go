package bus

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// tendEvery is how often the embedded server is looked after.
const tendEvery = time.Second

// tend starts the server anew whenever a disk that refused a write has stopped JetStream, and takes writes again, until ctx ends. By itself the server
// leaves a stream that it couldn't write to, or all of JetStream, alone until somebody does that. Clients connect again; what it had acknowledged and lost
// by then, the outbox publishes again.
func (s *Server) tend(ctx context.Context) {
	ticker := time.NewTicker(tendEvery)
	defer ticker.Stop()
	var o outage
	for {
		select {
		case <-ticker.C:
			s.revive(ctx, &o)
		case <-ctx.Done():
			return
		}
	}
}

// outage is what was told of JetStream's being stopped. Its zero value is none.
type outage struct {
	told    bool // that it is stopped
	failure string
}

// revive looks after JetStream once. It logs once that it is stopped, once each reason other than a full disk why it can't go on, and once that it does.
func (s *Server) revive(ctx context.Context, o *outage) {
	problem := stoppedBy(s.current())
	if problem == "" {
		*o = outage{}
		return
	}
	if !o.told {
		o.told = true
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "bus: JetStream is stopped; is its disk full? It goes on when there is room",
			slog.String("dir", s.cfg.Dir), slog.String("problem", problem))
	}
	if err := probe(s.cfg.Dir); err != nil {
		s.cfg.Logger.LogAttrs(ctx, slog.LevelDebug, "bus: JetStream can't go on yet", slog.Any("error", err))
		return
	}
	if err := s.restart(); err != nil {
		s.tellFailure(ctx, o, err)
		return
	}
	*o = outage{}
	s.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "bus: JetStream goes on")
}

// tellFailure is for what no room on the disk will mend.
func (s *Server) tellFailure(ctx context.Context, o *outage, err error) {
	if reason := err.Error(); o.failure != reason {
		o.failure = reason
		s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "bus: JetStream doesn't start, though its disk has room; it is tried again each second",
			slog.String("dir", s.cfg.Dir), slog.Any("error", err))
	}
}

// stoppedBy says what keeps JetStream from working that a restart heals; empty when nothing does. Of a stream that couldn't be written to, the server has
// no better sign than these words.
func stoppedBy(s *server.Server) string {
	if !s.JetStreamEnabled() {
		return "it isn't on"
	}
	if problem := s.Healthz(nil).Error; strings.Contains(problem, "write error") {
		return problem
	}
	return ""
}

// restart has a new server read the files.
func (s *Server) restart() error {
	end(s.current())
	fresh, err := s.cfg.start()
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.nats = fresh
	return nil
}

// probe writes a file as large as the largest message, and removes it.
func probe(dir string) error {
	path := filepath.Join(dir, ".room")
	defer os.Remove(path) // a leftover is written over the next time
	if err := os.WriteFile(path, make([]byte, maxPayload), 0o600); err != nil {
		return fmt.Errorf("bus: no room in %s: %w", dir, err)
	}
	return nil
}
