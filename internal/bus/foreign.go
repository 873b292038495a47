package bus

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
)

// Everybody who may ask the server for anything can have it write its answer to any subject, and so into any stream: it doesn't hold the subject of
// an answer against the asker's permissions (docs/adr/0011-streams-are-written-by-who-may-only-read.md). Those messages don't even claim to be the writer's. They are
// counted and passed over, and whoever causes them fills neither the dead letters nor the log.

// tellEvery is how often foreign messages of one stream are logged.
const tellEvery = time.Minute

// isForeign says that a message of the stream doesn't claim to be its writer's. What claims to be and can't be read is another matter: a fault, perhaps ours.
func isForeign(stream string, h nats.Header) bool {
	for _, s := range Streams() {
		if s.Name == stream {
			return h.Get(headerSource) != string(s.Writer)
		}
	}
	return true
}

// intruders keeps the count of one reader's foreign messages. Its zero value is ready.
type intruders struct {
	mu    sync.Mutex
	count uint64
	told  time.Time
}

// add counts one and logs, from time to time, how many there were.
func (s *intruders) add(ctx context.Context, log *slog.Logger, subject string) {
	s.mu.Lock()
	s.count++
	count, now := s.count, time.Now()
	tell := s.told.IsZero() || now.Sub(s.told) >= tellEvery
	if tell {
		s.told = now
	}
	s.mu.Unlock()
	if tell {
		log.LogAttrs(ctx, slog.LevelWarn, "bus: somebody else than its writer writes to the stream; what it writes is passed over",
			slog.String("subject", subject), slog.Uint64("messages", count))
	}
}
