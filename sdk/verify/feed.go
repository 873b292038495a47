package verify

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
)

const (
	sessionSubject   = "doorward.revocation.session."
	keySubject       = "doorward.revocation.signing_key."
	heartbeatSubject = "doorward.revocation.heartbeat"

	// readMargin is how much further back than needed the feed is read, and how much longer a revocation is kept than
	// authn says: the machines' clocks may differ by that much.
	readMargin = 30 * time.Second
	// longestKept bounds how long a revocation is believed to matter.
	longestKept = maxTokenLife + readMargin
	sweepEvery  = 10 * time.Second
	// What is refused is logged this often at most: whoever causes it sets its pace.
	warnEvery = time.Minute
	// A read without a heartbeat for this many times MaxFeedAge is given up and begun again.
	silences = 3
	// never is the age of a feed that has had no heartbeat.
	never time.Duration = math.MaxInt64
)

var errSilent = errors.New("verify: no heartbeat")

// Source reads the stream of revocations. NATS makes the usual one.
type Source interface {
	// Read hands over every message that was written to the stream since a time, in the stream's order and one after the
	// other, and then each new one as it comes, with the headers that it was written with. It returns when the context ends
	// or when it can't promise that order any longer, and is then called again. It needn't judge the messages.
	Read(ctx context.Context, since time.Time, handle func(subject string, header map[string][]string, body []byte)) error
}

// keyStore is what the feed tells of signing keys.
type keyStore interface {
	// revoke drops a signing key; false says that it was dropped before.
	revoke(id string) bool
	// doubt has the keys fetched anew, as one of them may have been revoked.
	doubt()
}

// feed keeps the revoked sessions as the stream tells them, passes on which keys were revoked, and knows how fresh that knowledge is.
// One goroutine, run, reads; it ends with its context. Everything else may be called from anywhere.
type feed struct {
	source Source
	maxAge time.Duration
	// reach is how long ago a revocation may have been that still matters: to a token that is alive, to an open stream, or to
	// the keys as they were fetched.
	reach  func() time.Duration
	keys   keyStore
	now    func() time.Time
	logger *slog.Logger

	revoked  *revokedSet
	watchers *watchers

	// origin is where heard is counted from: long enough ago for a heartbeat that was written before we began.
	origin time.Time
	// heard is when the last heartbeat was applied, in nanoseconds since origin; 0 is never.
	heard     atomic.Int64
	first     chan struct{} // closed by the first heartbeat
	firstOnce sync.Once
	refused   atomic.Uint64

	// Of run's goroutine alone.
	pulse  pulse
	swept  time.Time
	warned time.Time // of what was refused
}

func newFeed(config *Config, reach func() time.Duration, keys keyStore) *feed {
	return &feed{
		source:   config.Revocations,
		maxAge:   config.MaxFeedAge,
		reach:    reach,
		keys:     keys,
		now:      config.Now,
		logger:   config.Logger,
		revoked:  newRevokedSet(config.MaxRevoked),
		watchers: newWatchers(config.MaxStreams),
		origin:   config.Now().Add(-longestKept),
		first:    make(chan struct{}),
	}
}

// age is the time since the last heartbeat was applied, by this machine's clock.
func (f *feed) age(now time.Time) time.Duration {
	heard := f.heard.Load()
	if heard == 0 {
		return never
	}
	return now.Sub(f.origin) - time.Duration(heard)
}

// isFresh says whether the set of revoked sessions may be relied on.
func (f *feed) isFresh(now time.Time) bool {
	return f.age(now) <= f.maxAge && f.revoked.isComplete(now)
}

// run reads the source until the context ends, again and again: each time from as long ago as matters, so that
// nothing depends on where the last read stopped, nor on the stream's being the same one.
func (f *feed) run(ctx context.Context) {
	failures := 0
	for ctx.Err() == nil {
		before := f.heard.Load()
		err := f.read(ctx)
		if ctx.Err() != nil {
			return
		}
		if f.heard.Load() != before {
			failures = 0
		}
		failures++
		f.logger.LogAttrs(ctx, slog.LevelWarn, "revocation feed interrupted; it is read again",
			slog.Int("failures", failures), slog.Any("error", err))
		if !wait(ctx, backoff(failures)) {
			return
		}
	}
}

// read reads once, until the source gives up or no heartbeat has come for too long.
func (f *feed) read(ctx context.Context) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	silence := silences * f.maxAge
	watchdog := time.AfterFunc(silence, func() { cancel(errSilent) })
	defer watchdog.Stop()

	first := true
	err := f.source.Read(ctx, f.now().Add(-f.reach()-readMargin), func(subject string, header map[string][]string, body []byte) {
		told, id := kindOf(subject)
		if told == unknownKind {
			return
		}
		if problem := flaw(told, header); problem != "" {
			f.refuse(ctx, told, id, problem)
			return
		}
		switch told {
		case sessionKind:
			f.revoke(ctx, id, body)
		case keyKind:
			f.dropKey(ctx, id, body)
		default:
			what := f.beat(ctx, body, first)
			if what == beatNew {
				watchdog.Reset(silence)
			}
			first = first && what == beatRefused
		}
	})
	return errors.Join(err, context.Cause(ctx))
}

// refuse passes over a message that authn didn't write. The stream keeps one message of a subject: it may stand where a revocation stood, so
// authn has the word on whatever it names, and nothing ends by it.
func (f *feed) refuse(ctx context.Context, told kind, id, problem string) {
	now := f.now()
	switch told {
	case sessionKind:
		f.revoked.doubt(id, now.Add(longestKept), now)
	case keyKind:
		f.keys.doubt()
	default:
	}
	refused := f.refused.Add(1)
	if !f.warned.IsZero() && now.Sub(f.warned) < warnEvery {
		return
	}
	f.warned = now
	f.logger.LogAttrs(ctx, slog.LevelWarn, "a message in the revocation feed isn't authn's, and isn't believed: somebody else writes to the stream",
		slog.String("event_type", eventTypes[told]), slog.String("problem", problem), slog.Uint64("refused", refused))
}

// revoke applies a revocation. The body names the session that the subject names; one without a readable time is kept for as long as any.
func (f *feed) revoke(ctx context.Context, sessionID string, body []byte) {
	var revocation eventv1.Revocation
	if err := proto.Unmarshal(body, &revocation); err != nil || revocation.GetSessionId() != sessionID {
		f.refuse(ctx, sessionKind, sessionID, "its body names another session, or none")
		return
	}
	now := f.now()
	until := now.Add(longestKept)
	if forget := revocation.GetForgetAfter(); forget.IsValid() {
		if told := forget.AsTime().Add(readMargin); told.Before(until) {
			until = told
		}
	}
	if now.Before(until) {
		f.revoked.add(sessionID, until, now)
	}
	f.watchers.endSession(sessionID) // a stream may be older than any token that is alive
}

// dropKey applies the revocation of a signing key. The body names the key that the subject names.
func (f *feed) dropKey(ctx context.Context, keyID string, body []byte) {
	var revocation eventv1.SigningKeyRevocation
	if err := proto.Unmarshal(body, &revocation); err != nil || revocation.GetKeyId() != keyID {
		f.refuse(ctx, keyKind, keyID, "its body names another key, or none")
		return
	}
	if !f.keys.revoke(keyID) {
		return
	}
	f.watchers.endKey(keyID)
	f.logger.LogAttrs(ctx, slog.LevelWarn, "a signing key was revoked; whatever it signed is refused", slog.String("key_id", keyID))
}

// beat applies a heartbeat: everything before it in the stream is applied too.
func (f *feed) beat(ctx context.Context, body []byte, first bool) beat {
	var heartbeat eventv1.RevocationHeartbeat
	if err := proto.Unmarshal(body, &heartbeat); err != nil || !heartbeat.GetDrainedAt().IsValid() {
		f.refuse(ctx, heartbeatKind, "", "its body holds no time")
		return beatRefused
	}
	now := f.now()
	at, what := f.pulse.take(heartbeat.GetDrainedAt().AsTime(), now, first)
	if what == beatRefused {
		f.refuse(ctx, heartbeatKind, "", "its time goes back, or is too far ahead")
	}
	if what != beatNew {
		return what
	}
	if heard := int64(at.Sub(f.origin)); heard > f.heard.Load() {
		f.heard.Store(heard)
	}
	if now.Sub(f.swept) >= sweepEvery {
		f.revoked.sweep(now)
		f.swept = now
	}
	if f.isFresh(now) {
		f.firstOnce.Do(func() { close(f.first) })
	}
	return beatNew
}
