package flow

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// KeySetMaxAge is for how long a verifier may keep the key set.
const KeySetMaxAge = 5 * time.Minute

// schedule is how signing keys follow each other. A new key is published for an hour before it signs: twelve times a key set's age.
var schedule = token.Schedule{
	Period:  90 * 24 * time.Hour,
	Overlap: time.Hour,
	Linger:  tuning.MaxSessionTokenLifetime + revocationSkew,
}

// Keys keeps the signing keys on their schedule, changes them at an operator's word, and has the keyring that signs and checks.
type Keys struct {
	store   store.Store
	sealing secret.Key
	issuer  string
	now     func() time.Time

	// changing is held by whoever reads the keys to put them in force, so that nobody brings back a key that was revoked meanwhile.
	changing sync.Mutex
	// switching guards the keyring. Who replaces the keys holds it over the commit too: nobody signs, checks or publishes in between.
	switching sync.RWMutex
	ring      *token.Keyring
}

// NewKeys opens the keyring, and makes the first key where there is none.
func NewKeys(ctx context.Context, s store.Store, sealing secret.Key, issuer string, now func() time.Time) (*Keys, error) {
	f := &Keys{store: s, sealing: sealing, issuer: issuer, now: now}
	if err := f.Tend(ctx); err != nil {
		return nil, err
	}
	return f, nil
}

// Keyring are the keys in force. While they are being replaced it waits for the new ones, so it isn't called within a transaction.
func (f *Keys) Keyring() *token.Keyring {
	f.switching.RLock()
	defer f.switching.RUnlock()
	return f.ring
}

// Tend does what the schedule asks for at this moment, and takes up what another replica did. Call it every minute.
func (f *Keys) Tend(ctx context.Context) error {
	f.changing.Lock()
	defer f.changing.Unlock()
	now := f.now()
	keys, err := f.list(ctx)
	if err != nil {
		return err
	}
	if due := schedule.Due(keys, now); !due.CreateFor.IsZero() || len(due.Forget) > 0 {
		if keys, err = f.change(ctx, due, now); err != nil {
			return err
		}
	}
	return f.putInForce(keys)
}

// putInForce opens the keys and switches to them. The caller holds changing.
func (f *Keys) putInForce(keys []token.SigningKey) error {
	ring, err := token.NewKeyring(f.issuer, f.sealing, keys)
	if err != nil {
		return err
	}
	f.switching.Lock()
	f.ring = ring
	f.switching.Unlock()
	return nil
}

func (f *Keys) list(ctx context.Context) ([]token.SigningKey, error) {
	var keys []token.SigningKey
	err := f.store.View(ctx, func(tx store.Tx) (err error) {
		keys, err = tx.SigningKeys.List()
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list signing keys: %w", err)
	}
	return keys, nil
}

// change creates and forgets keys, unless somebody else has created one meanwhile.
func (f *Keys) change(ctx context.Context, due token.Change, now time.Time) ([]token.SigningKey, error) {
	var made token.SigningKey
	if !due.CreateFor.IsZero() {
		var err error
		if made, err = token.NewSigningKey(f.sealing, now, due.CreateFor); err != nil {
			return nil, err
		}
	}
	var keys []token.SigningKey
	err := f.store.Update(ctx, func(tx store.Tx) error {
		held, err := tx.SigningKeys.List()
		if err != nil {
			return err
		}
		again := schedule.Due(held, now)
		for _, keyID := range again.Forget {
			if err := tx.SigningKeys.Delete(keyID); err != nil {
				return err
			}
		}
		keys = slices.DeleteFunc(held, func(k token.SigningKey) bool { return slices.Contains(again.Forget, k.ID) })
		if again.CreateFor.IsZero() || made.ID == "" {
			return nil
		}
		keys = append(keys, made)
		return tx.SigningKeys.Put(made)
	})
	if err != nil {
		return nil, fmt.Errorf("change signing keys: %w", err)
	}
	return keys, nil
}
