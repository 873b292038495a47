package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const (
	fetchTimeout = 5 * time.Second
	// refetchPause is the least time between two fetches that unknown key ids cause: a flood of made-up ids costs authn
	// one call in five seconds. authn publishes a key before it signs with it, so no real token waits for this; where it
	// can't, because a key was stolen, the revocation of that key lifts the pause.
	refetchPause = 5 * time.Second
	// keptAtMost is how old a key set may grow while authn can't be reached.
	keptAtMost = 24 * time.Hour
	// The bounds of what authn may say about itself.
	maxKeys          = 64
	minKeyAge        = 5 * time.Second
	maxKeyAge        = time.Hour
	defaultKeyAge    = 5 * time.Minute
	maxTokenLife     = time.Hour
	defaultTokenLife = 10 * time.Minute
)

// keySource is the part of authn that tells the keys.
type keySource interface {
	GetKeySet(ctx context.Context, in *authnv1.GetKeySetRequest, opts ...grpc.CallOption) (*authnv1.GetKeySetResponse, error)
}

// keySet is one answer of authn, without the keys that are revoked. It is never changed.
type keySet struct {
	byID      map[string]ed25519.PublicKey
	fetchedAt time.Time // when it was asked for
	maxAge    time.Duration
	tokenLife time.Duration
}

// without is the set without one key.
func (s *keySet) without(id string) *keySet {
	rest := *s
	rest.byID = maps.Clone(s.byID)
	delete(rest.byID, id)
	return &rest
}

// keyring holds the current key set and replaces it: before it is too old, when a token names a key that isn't in it, and
// when a key was revoked. Its goroutines end with the context given to run.
type keyring struct {
	source keySource
	issuer string
	now    func() time.Time
	logger *slog.Logger

	current atomic.Pointer[keySet] // stored under mu

	mu        sync.Mutex
	flight    *flight
	attempted time.Time // when the last flight landed that an unknown key id caused
	lastErr   error     // how it fared
	revoked   revokedKeys
	// owed says that a key was revoked after the last flight took off. What that one brings may be older.
	owed    bool
	doubted time.Time     // when run was last told that a key may be revoked
	wake    chan struct{} // tells run that a fetch is owed
	fetches atomic.Uint64
}

func newKeyring(source keySource, config *Config) *keyring {
	return &keyring{source: source, issuer: config.Issuer, now: config.Now, logger: config.Logger, wake: make(chan struct{}, 1)}
}

// known returns the key with the id, if it is in a set that may still be used.
func (k *keyring) known(id string, now time.Time) (ed25519.PublicKey, bool) {
	set := k.current.Load()
	if set == nil || now.Sub(set.fetchedAt) >= keptAtMost {
		return nil, false
	}
	key, ok := set.byID[id]
	return key, ok
}

var errKeyUnknown = invalid("unknown key id")

// find returns the key with the id. An id that isn't known makes it ask authn, unless it asked a moment ago.
func (k *keyring) find(ctx context.Context, id string) (ed25519.PublicKey, error) {
	key, err := k.lookup(id)
	if !errors.Is(err, errKeyUnknown) {
		return key, err
	}
	if err := k.refetch(ctx, patiently); err != nil {
		return nil, &fault{refusal: ErrKeysUnavailable, cause: "an unknown key id, and authn can't be asked"}
	}
	return k.lookup(id)
}

func (k *keyring) lookup(id string) (ed25519.PublicKey, error) {
	if key, ok := k.known(id, k.now()); ok {
		return key, nil
	}
	if k.isRevoked(id) {
		return nil, errKeyRevoked
	}
	return nil, errKeyUnknown
}

// fetch replaces the key set by authn's answer. An answer that can't be used leaves the old one.
func (k *keyring) fetch(ctx context.Context, options ...grpc.CallOption) error {
	k.fetches.Add(1)
	asked := k.now()
	answer, err := k.source.GetKeySet(ctx, &authnv1.GetKeySetRequest{}, options...)
	if err != nil {
		return fmt.Errorf("verify: get the key set from authn: %w", err)
	}
	if answer.GetIssuer() != k.issuer {
		return fmt.Errorf("verify: authn's issuer is %q, but %q is expected: set DOORWARD_ISSUER or Config.Issuer to authn's", answer.GetIssuer(), k.issuer)
	}
	byID := usable(answer.GetKeys())
	if len(byID) == 0 {
		return errors.New("verify: authn's key set has no Ed25519 key")
	}
	return k.take(&keySet{
		byID:      byID,
		fetchedAt: asked,
		maxAge:    within(answer.GetMaxAge().AsDuration(), minKeyAge, maxKeyAge, defaultKeyAge),
		tokenLife: within(answer.GetSessionTokenLifetime().AsDuration(), time.Second, maxTokenLife, defaultTokenLife),
	})
}

// take puts a fetched set in the place of the current one. A set from before a revocation doesn't bring the key back.
func (k *keyring) take(fetched *keySet) error {
	k.mu.Lock()
	defer k.mu.Unlock()
	maps.DeleteFunc(fetched.byID, func(id string, _ ed25519.PublicKey) bool { return k.revoked.has(id) })
	if len(fetched.byID) == 0 {
		return errors.New("verify: authn's key set is from before its keys were revoked")
	}
	k.current.Store(fetched)
	return nil
}

// usable picks the keys that a session token may be signed with, and leaves out those of a kind that isn't known here.
func usable(keys []*authnv1.SigningKey) map[string]ed25519.PublicKey {
	byID := make(map[string]ed25519.PublicKey, len(keys))
	for _, key := range keys[:min(len(keys), maxKeys)] {
		if key.GetId() != "" && key.GetAlgorithm() == algorithm && key.GetType() == "OKP" &&
			key.GetCurve() == "Ed25519" && len(key.GetX()) == ed25519.PublicKeySize {
			byID[key.GetId()] = ed25519.PublicKey(key.GetX())
		}
	}
	return byID
}

func within(value, least, most, otherwise time.Duration) time.Duration {
	if value <= 0 {
		return otherwise
	}
	return min(max(value, least), most)
}

// tokenLife is how long a token lives, as authn said last.
func (k *keyring) tokenLife() time.Duration { return k.current.Load().tokenLife }

// age is how long ago the current set was asked for. A key that was revoked since may be in it.
func (k *keyring) age() time.Duration { return k.now().Sub(k.current.Load().fetchedAt) }

// run renews the key set before it is too old and when a key was revoked, until the context ends.
func (k *keyring) run(ctx context.Context) {
	failures := 0
	for {
		pause := k.current.Load().maxAge * 3 / 4
		if failures > 0 {
			pause = min(pause, backoff(failures))
		}
		if !waitOr(ctx, pause, k.wake) {
			return
		}
		err := k.refetch(ctx, atOnce)
		if err == nil {
			failures = 0
			continue
		}
		failures++
		if ctx.Err() == nil {
			k.logger.LogAttrs(ctx, slog.LevelWarn, "key set not renewed; the last one stays in use",
				slog.Int("failures", failures), slog.String("error", err.Error()))
		}
	}
}
