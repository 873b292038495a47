package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
)

// Schedule is how signing keys follow each other.
type Schedule struct {
	// Period is for how long a key signs.
	Period time.Duration
	// Overlap is for how long a key is published before it signs: longer than any verifier keeps a key set.
	Overlap time.Duration
	// Linger is for how long a superseded key stays published: a token's life and the clocks' skew.
	Linger time.Duration
}

// SigningKey is a key as it is stored.
type SigningKey struct {
	// ID is `key_…`, the `kid`.
	ID string
	// Public is the public key.
	Public ed25519.PublicKey
	// Sealed is the private key's seed, encrypted under the key from file and bound to ID.
	Sealed []byte
	// CreatedAt is when it was made and published, SignsFrom when it begins to sign.
	CreatedAt, SignsFrom time.Time
	// RevokedAt is when it was revoked, because somebody else may have it; zero while it wasn't.
	RevokedAt time.Time
}

// Revoke takes the private key away, and with it all that the key is good for. Its id is kept for as long as a token of its may be
// presented, so that the answer can say to refresh it.
func (k *SigningKey) Revoke(now time.Time) { k.Sealed, k.RevokedAt = nil, now }

// Revoked says whether the key was revoked.
func (k SigningKey) Revoked() bool { return !k.RevokedAt.IsZero() }

// unrevoked are the keys that the schedule is about.
func unrevoked(keys []SigningKey) []SigningKey {
	return slices.DeleteFunc(slices.Clone(keys), SigningKey.Revoked)
}

// NewSigningKey makes a key that signs from a moment on.
func NewSigningKey(sealing secret.Key, now, signsFrom time.Time) (SigningKey, error) {
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return SigningKey{}, fmt.Errorf("make signing key: %w", err)
	}
	keyID := id.New("key", now)
	return SigningKey{
		ID:        keyID,
		Public:    public,
		Sealed:    sealing.Seal([]byte("authn/signing-key/"+keyID), private.Seed()),
		CreatedAt: now,
		SignsFrom: signsFrom,
	}, nil
}

// ErrNoSigningKey says that there is no key to sign with.
var ErrNoSigningKey = errors.New("token: there is no signing key")

// open decrypts the private key.
func (k SigningKey) open(sealing secret.Key) (ed25519.PrivateKey, error) {
	seed, err := sealing.Open([]byte("authn/signing-key/"+k.ID), k.Sealed)
	if err != nil {
		return nil, fmt.Errorf("open signing key %s: was authn started with another key file? %w", k.ID, err)
	}
	if len(seed) != ed25519.SeedSize {
		return nil, fmt.Errorf("open signing key %s: it isn't an Ed25519 seed", k.ID)
	}
	private := ed25519.NewKeyFromSeed(seed)
	if !k.Public.Equal(private.Public()) {
		return nil, fmt.Errorf("open signing key %s: its public half is another key's", k.ID)
	}
	return private, nil
}

// Change is what a schedule asks for at a moment.
type Change struct {
	// CreateFor is when the key to be created begins to sign; zero when none is needed.
	CreateFor time.Time
	// Forget are the ids of keys whose last token is dead.
	Forget []string
}

// Due says what the schedule asks for, given all keys. It asks for the same again until it is done.
func (s Schedule) Due(keys []SigningKey, now time.Time) Change {
	var change Change
	for _, k := range keys {
		if k.Revoked() && now.After(k.RevokedAt.Add(s.Linger)) {
			change.Forget = append(change.Forget, k.ID)
		}
	}
	keys = unrevoked(keys)
	newest, found := newestOf(keys)
	if !found {
		change.CreateFor = now
		return change
	}
	if end := newest.SignsFrom.Add(s.Period); !now.Before(end.Add(-s.Overlap)) {
		change.CreateFor = later(end, now.Add(s.Overlap))
	}
	current, _ := signingAt(keys, now)
	for _, k := range keys {
		if k.SignsFrom.Before(current.SignsFrom) && now.After(current.SignsFrom.Add(s.Linger)) {
			change.Forget = append(change.Forget, k.ID)
		}
	}
	return change
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func newestOf(keys []SigningKey) (SigningKey, bool) {
	var newest SigningKey
	for _, k := range keys {
		if k.SignsFrom.After(newest.SignsFrom) {
			newest = k
		}
	}
	return newest, len(keys) > 0
}

// signingAt is the key that signs at a moment: the newest one whose time has come. When none's has, it is the first whose time comes: a key
// that is just made and the only one signs for a call that read its clock before, and for a clock that was set back.
func signingAt(keys []SigningKey, now time.Time) (SigningKey, bool) {
	var current SigningKey
	for i, k := range keys {
		if i == 0 || k.goesBefore(current, now) {
			current = k
		}
	}
	return current, len(keys) > 0
}

// goesBefore says which of two keys signs at a moment, if there were no others.
func (k SigningKey) goesBefore(other SigningKey, now time.Time) bool {
	come, othersCome := !k.SignsFrom.After(now), !other.SignsFrom.After(now)
	switch {
	case come != othersCome:
		return come
	case come:
		return k.SignsFrom.After(other.SignsFrom)
	}
	return k.SignsFrom.Before(other.SignsFrom)
}
