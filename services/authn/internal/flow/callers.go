package flow

import (
	"context"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// keyAge is how old the answer to "whose key is this" may be, and so how long a revoked key, or one whose end came nearer, may go on.
	keyAge = time.Second
	// maxKnownKeys bounds the cache; real deployments have a handful of keys.
	maxKnownKeys = 1024
)

// Callers tells who an API key says the caller is. It remembers good keys for a second; wrong ones it looks up each time.
type Callers struct {
	store store.Store
	now   func() time.Time

	mu    sync.Mutex
	known map[secret.Digest]knownKey
}

type knownKey struct {
	key    application.Key
	readAt time.Time
}

// NewCallers puts the use case together.
func NewCallers(s store.Store, now func() time.Time) *Callers {
	return &Callers{store: s, now: now, known: make(map[secret.Digest]knownKey)}
}

// Identify finds the good key that a caller presents.
func (f *Callers) Identify(ctx context.Context, presented secret.Text) (application.Key, error) {
	if presented.IsZero() {
		return application.Key{}, errKeyMissing
	}
	digest := secret.Hash(presented)
	if key, ok := f.remembered(digest); ok {
		return key, nil
	}
	readAt := f.now() // before the look-up, which may take its time
	var key application.Key
	var found bool
	err := f.store.View(ctx, func(tx store.Tx) (err error) {
		key, found, err = tx.Applications.KeyBySecret(digest)
		return err
	})
	switch {
	case err != nil:
		return application.Key{}, errInternal.Because(err)
	case !found, !key.Secret.Matches(presented), !key.Good(readAt):
		return application.Key{}, errKeyInvalid
	}
	f.remember(digest, knownKey{key: key, readAt: readAt})
	return key, nil
}

func (f *Callers) remembered(digest secret.Digest) (application.Key, bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	k, ok := f.known[digest]
	now := f.now()
	if !ok || now.Sub(k.readAt) >= keyAge || !k.key.Good(now) {
		return application.Key{}, false
	}
	return k.key, true
}

func (f *Callers) remember(digest secret.Digest, key knownKey) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.known) >= maxKnownKeys {
		clear(f.known)
	}
	f.known[digest] = key
}
