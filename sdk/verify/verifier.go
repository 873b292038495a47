package verify

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// startTimeout bounds how long New waits for authn, if the context doesn't.
const startTimeout = 10 * time.Second

// Verifier checks session tokens. It may be used from many goroutines at once.
//
// It runs two goroutines, which renew the keys and read the revocation feed, until Close.
type Verifier struct {
	now      func() time.Time
	logger   *slog.Logger
	onStale  Choice
	maxAge   time.Duration // of a stream
	tokens   *tokenChecker
	cache    *cache
	feed     *feed
	asker    *asker
	admitted atomic.Uint64 // unverified against revocations, by choice
	refused  atomic.Uint64 // for the same cause, by choice

	stop  context.CancelFunc
	done  sync.WaitGroup
	owned io.Closer // the connection that FromEnv made
}

// New makes a Verifier. It fetches the keys, and fails if it can't by the context's end or in 10 s. Then it waits for the
// revocation feed, but for MaxFeedAge at most: a feed that isn't there yet is a stale one, and is dealt with as such.
func New(ctx context.Context, config Config) (*Verifier, error) {
	config = config.withDefaults()
	if err := config.validate(); err != nil {
		return nil, err
	}
	keys := newKeyring(authnv1.NewKeyServiceClient(config.Authn), &config)
	fetching, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := keys.fetch(fetching, grpc.WaitForReady(true)); err != nil {
		return nil, err
	}
	v := newVerifier(keys, authnv1.NewSessionServiceClient(config.Authn), &config)
	v.start(ctx)
	v.awaitFeed(ctx)
	return v, nil
}

// newVerifier puts the parts together. Nothing runs yet.
func newVerifier(keys *keyring, sessions sessionSource, config *Config) *Verifier {
	reach := func() time.Duration { return max(keys.tokenLife(), config.MaxStreamAge, min(keys.age(), keptAtMost)) }
	return &Verifier{
		now:     config.Now,
		logger:  config.Logger,
		onStale: config.OnStale,
		maxAge:  config.MaxStreamAge,
		tokens:  newTokenChecker(keys, config.Issuer, config.Audience),
		cache:   newCache(config.CacheSize),
		feed:    newFeed(config, reach, keys),
		asker:   newAsker(sessions, config.Now, config.Logger),
	}
}

// start runs the two goroutines; Close ends them and waits for them.
func (v *Verifier) start(ctx context.Context) {
	running, stop := context.WithCancel(context.WithoutCancel(ctx))
	v.stop = stop
	v.done.Go(func() { v.tokens.keys.run(running) })
	v.done.Go(func() { v.feed.run(running) })
}

func (v *Verifier) awaitFeed(ctx context.Context) {
	timer := time.NewTimer(v.feed.maxAge)
	defer timer.Stop()
	select {
	case <-v.feed.first:
	case <-ctx.Done():
	case <-timer.C:
		v.logger.LogAttrs(ctx, slog.LevelWarn, "no heartbeat from the revocation feed yet; it counts as stale",
			slog.String("on_stale", v.onStale.String()))
	}
}

// Close ends the background work, and the connection if FromEnv made it. Verify goes on with what it knows, ever staler.
func (v *Verifier) Close() error {
	v.stop()
	v.done.Wait()
	if v.owned != nil {
		return v.owned.Close()
	}
	return nil
}

// Verify checks a session token and returns its session. Every error it returns is a Refusal, or wraps one.
func (v *Verifier) Verify(ctx context.Context, token string) (Session, error) {
	if token == "" {
		return Session{}, ErrTokenMissing
	}
	now := v.now()
	entry, err := v.check(ctx, token, now)
	if err != nil {
		return Session{}, err
	}
	if !now.Before(entry.session.ExpiresAt) {
		return Session{}, ErrTokenExpired
	}
	if err := v.standing(ctx, token, entry, now); err != nil {
		return Session{}, err
	}
	return entry.session, nil
}

// check does what needs doing once per token, as long as the key is good that signed it.
func (v *Verifier) check(ctx context.Context, token string, now time.Time) (*checked, error) {
	if len(token) > MaxTokenSize {
		return nil, invalid("too long")
	}
	key := digestOf(token)
	if entry, ok := v.cache.get(key); ok {
		if _, good := v.tokens.keys.known(entry.session.keyID, now); good {
			return entry, nil
		}
	}
	session, err := v.tokens.check(ctx, token, now)
	if err != nil {
		return nil, err
	}
	return v.cache.put(key, &checked{session: session}), nil
}

// standing says whether the session still stands: on every call, however the token was checked.
func (v *Verifier) standing(ctx context.Context, token string, entry *checked, now time.Time) error {
	told := v.feed.revoked.of(entry.session.SessionID)
	if told == revoked {
		return ErrSessionEnded
	}
	if told == unmentioned && v.feed.isFresh(now) {
		return nil
	}
	switch v.asker.ask(ctx, token, entry) {
	case alive:
		return nil
	case ended:
		v.feed.revoked.add(entry.session.SessionID, entry.session.ExpiresAt, now)
		return ErrSessionEnded
	case expired:
		return ErrTokenExpired
	case unanswered:
	}
	if v.onStale == Open {
		v.admitted.Add(1)
		return nil
	}
	v.refused.Add(1)
	return ErrRevocationsStale
}

// Stats are counts since New, for an application's own metrics.
type Stats struct {
	// FeedAge is the time since the feed's last heartbeat; the largest Duration when there was none.
	FeedAge time.Duration
	// FeedFresh says whether the feed is relied on.
	FeedFresh bool
	// Revoked is how many revoked sessions are known, RevokedKeys how many revoked signing keys, and Streams how many guarded
	// streams are open.
	Revoked, RevokedKeys, Streams int
	// Refused is how many messages in the feed weren't authn's, and Doubtful the sessions that they named: authn is asked about those.
	// Anything but 0 means that somebody else writes to the stream: look for who has the seed files of applications.
	Refused  uint64
	Doubtful int
	// Cached is how many checked tokens are remembered.
	Cached                 int
	CacheHits, CacheMisses uint64
	// KeyFetches is how often the keys were fetched, Asked how often authn was asked about a session.
	KeyFetches, Asked uint64
	// AdmittedStale and RefusedStale count the calls that OnStale decided.
	AdmittedStale, RefusedStale uint64
}

// Stats returns the counts.
func (v *Verifier) Stats() Stats {
	now := v.now()
	return Stats{
		FeedAge:       v.feed.age(now),
		FeedFresh:     v.feed.isFresh(now),
		Revoked:       v.feed.revoked.count(revoked),
		Refused:       v.feed.refused.Load(),
		Doubtful:      v.feed.revoked.count(doubtful),
		RevokedKeys:   v.tokens.keys.revocations(),
		Streams:       v.feed.watchers.len(),
		Cached:        v.cache.len(),
		CacheHits:     v.cache.hits.Load(),
		CacheMisses:   v.cache.misses.Load(),
		KeyFetches:    v.tokens.keys.fetches.Load(),
		Asked:         v.asker.asked.Load(),
		AdmittedStale: v.admitted.Load(),
		RefusedStale:  v.refused.Load(),
	}
}
