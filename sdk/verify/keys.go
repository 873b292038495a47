package verify

import (
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const (
	fetchTimeout = 5 * time.Second
	// refetchPause is the least time between two fetches that unknown key ids cause: a flood of made-up ids costs authn
	// one call in five seconds. authn publishes a key before it signs with it, so no real token waits for this.
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

// keySet is one answer of authn. It is never changed.
type keySet struct {
	byID      map[string]ed25519.PublicKey
	fetchedAt time.Time
	maxAge    time.Duration
	tokenLife time.Duration
}

// keyring holds the current key set and replaces it: before it is too old, and when a token names a key that isn't in it.
// Its goroutines end with the context given to run.
type keyring struct {
	source keySource
	issuer string
	now    func() time.Time
	logger *slog.Logger

	current atomic.Pointer[keySet]

	mu        sync.Mutex
	flight    *flight
	attempted time.Time // when the last flight landed
	lastErr   error     // how it fared
	fetches   atomic.Uint64
}

// flight is a fetch under way, shared by all who wait for it.
type flight struct {
	landed chan struct{}
	err    error
}

// find returns the key with the id. An id that isn't known makes it ask authn, unless it asked a moment ago.
func (k *keyring) find(ctx context.Context, id string) (ed25519.PublicKey, error) {
	set := k.current.Load()
	if set != nil && k.now().Sub(set.fetchedAt) < keptAtMost {
		if key, ok := set.byID[id]; ok {
			return key, nil
		}
	}
	if err := k.refetch(ctx); err != nil {
		return nil, &fault{refusal: ErrKeysUnavailable, cause: "an unknown key id, and authn can't be asked"}
	}
	if key, ok := k.current.Load().byID[id]; ok {
		return key, nil
	}
	return nil, invalid("unknown key id")
}

// refetch asks authn for the keys, or answers as the last flight did when that landed less than refetchPause ago.
func (k *keyring) refetch(ctx context.Context) error {
	k.mu.Lock()
	if k.flight == nil {
		if since := k.now().Sub(k.attempted); since < refetchPause {
			defer k.mu.Unlock()
			return k.lastErr
		}
		k.takeOff(context.WithoutCancel(ctx)) // others wait for it too
	}
	flight := k.flight
	k.mu.Unlock()

	select {
	case <-flight.landed:
		return flight.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// takeOff starts a fetch. Its goroutine ends by fetchTimeout. The caller holds the lock.
func (k *keyring) takeOff(ctx context.Context) {
	flight := &flight{landed: make(chan struct{})}
	k.flight = flight
	go func() {
		ctx, cancel := context.WithTimeout(ctx, fetchTimeout)
		defer cancel()
		flight.err = k.fetch(ctx)
		k.mu.Lock()
		k.flight, k.attempted, k.lastErr = nil, k.now(), flight.err
		k.mu.Unlock()
		close(flight.landed)
	}()
}

// fetch replaces the key set by authn's answer. An answer that can't be used leaves the old one.
func (k *keyring) fetch(ctx context.Context, options ...grpc.CallOption) error {
	k.fetches.Add(1)
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
	k.current.Store(&keySet{
		byID:      byID,
		fetchedAt: k.now(),
		maxAge:    within(answer.GetMaxAge().AsDuration(), minKeyAge, maxKeyAge, defaultKeyAge),
		tokenLife: within(answer.GetSessionTokenLifetime().AsDuration(), time.Second, maxTokenLife, defaultTokenLife),
	})
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

// run renews the key set before it is too old, until the context ends.
func (k *keyring) run(ctx context.Context) {
	failures := 0
	for {
		pause := k.current.Load().maxAge * 3 / 4
		if failures > 0 {
			pause = min(pause, backoff(failures))
		}
		if !wait(ctx, pause) {
			return
		}
		fetching, cancel := context.WithTimeout(ctx, fetchTimeout)
		err := k.fetch(fetching)
		cancel()
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
