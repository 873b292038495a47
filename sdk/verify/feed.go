package verify

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
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
	// A read without a heartbeat for this many times MaxFeedAge is given up and begun again.
	silences = 3
	// never is the age of a feed that has had no heartbeat.
	never time.Duration = math.MaxInt64
)

var errSilent = errors.New("verify: no heartbeat")

// Source reads the stream of revocations. NATS makes the usual one.
type Source interface {
	// Read hands over every message that was written to the stream since a time, in the stream's order and one after the
	// other, and then each new one as it comes. It returns when the context ends or when it can't promise that order any
	// longer, and is then called again.
	Read(ctx context.Context, since time.Time, handle func(subject string, body []byte)) error
}

// feed keeps the revoked sessions as the stream tells them, passes on which keys were revoked, and knows how fresh that knowledge is.
// One goroutine, run, reads; it ends with its context. Everything else may be called from anywhere.
type feed struct {
	source Source
	maxAge time.Duration
	// reach is how long ago a revocation may have been that still matters: to a token that is alive, to an open stream, or to
	// the keys as they were fetched.
	reach func() time.Duration
	// revokeKey drops a signing key; false says that it was dropped before.
	revokeKey func(id string) bool

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
	swept     time.Time // of run's goroutine alone
}

func newFeed(config *Config, reach func() time.Duration, revokeKey func(id string) bool) *feed {
	return &feed{
		source:    config.Revocations,
		maxAge:    config.MaxFeedAge,
		reach:     reach,
		revokeKey: revokeKey,
		now:       config.Now,
		logger:    config.Logger,
		revoked:   newRevokedSet(config.MaxRevoked),
		watchers:  newWatchers(config.MaxStreams),
		origin:    config.Now().Add(-longestKept),
		first:     make(chan struct{}),
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

	replayed := true
	err := f.source.Read(ctx, f.now().Add(-f.reach()-readMargin), func(subject string, body []byte) {
		sessionID, isSession := strings.CutPrefix(subject, sessionSubject)
		keyID, isKey := strings.CutPrefix(subject, keySubject)
		switch {
		case isSession && sessionID != "":
			f.revoke(ctx, sessionID, body)
		case isKey && keyID != "":
			f.dropKey(ctx, keyID)
		case subject == heartbeatSubject:
			f.beat(body, replayed)
			replayed = false
			watchdog.Reset(silence)
		}
	})
	return errors.Join(err, context.Cause(ctx))
}

// revoke applies a revocation. The subject names the session; a body that can't be read makes it no less revoked.
func (f *feed) revoke(ctx context.Context, sessionID string, body []byte) {
	now := f.now()
	until := now.Add(longestKept)
	var revocation eventv1.Revocation
	if err := proto.Unmarshal(body, &revocation); err != nil || !revocation.GetForgetAfter().IsValid() {
		f.logger.LogAttrs(ctx, slog.LevelWarn, "a revocation's body can't be read; the session is refused all the same",
			slog.String("session_id", sessionID))
	} else if told := revocation.GetForgetAfter().AsTime().Add(readMargin); told.Before(until) {
		until = told
	}
	if now.Before(until) {
		f.revoked.add(sessionID, until, now)
	}
	f.watchers.endSession(sessionID) // a stream may be older than any token that is alive
}

// dropKey applies the revocation of a signing key. The subject says all there is to know.
func (f *feed) dropKey(ctx context.Context, keyID string) {
	if !f.revokeKey(keyID) {
		return
	}
	f.watchers.endKey(keyID)
	f.logger.LogAttrs(ctx, slog.LevelWarn, "a signing key was revoked; whatever it signed is refused", slog.String("key_id", keyID))
}

// beat applies a heartbeat: everything before it in the stream is applied too.
//
// The stream keeps one heartbeat. So the first of a read may have been written long ago, and is dated by what it says
// of itself; later ones were written while we listened, and are dated by our own clock, whatever authn's says.
func (f *feed) beat(body []byte, replayed bool) {
	now := f.now()
	at := now
	if replayed {
		var heartbeat eventv1.RevocationHeartbeat
		if err := proto.Unmarshal(body, &heartbeat); err != nil || !heartbeat.GetDrainedAt().IsValid() {
			return
		}
		if drained := heartbeat.GetDrainedAt().AsTime(); drained.Before(now) {
			at = now.Add(drained.Sub(now)) // drained by our clock, monotonic part and all
		}
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
}
