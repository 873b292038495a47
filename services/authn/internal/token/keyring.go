package token

import (
	"crypto/ed25519"
	"crypto/rand"
	"errors"
	"fmt"
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

// ErrNoSigningKey says that no key may sign at this moment.
var ErrNoSigningKey = errors.New("token: no signing key is in use")

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
	newest, found := newestOf(keys)
	if !found {
		return Change{CreateFor: now}
	}
	var change Change
	if end := newest.SignsFrom.Add(s.Period); !now.Before(end.Add(-s.Overlap)) {
		change.CreateFor = later(end, now.Add(s.Overlap))
	}
	current, signing := signingAt(keys, now)
	for _, k := range keys {
		if signing && k.SignsFrom.Before(current.SignsFrom) && now.After(current.SignsFrom.Add(s.Linger)) {
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

// signingAt is the key that signs at a moment: the newest one whose time has come.
func signingAt(keys []SigningKey, now time.Time) (SigningKey, bool) {
	var current SigningKey
	found := false
	for _, k := range keys {
		if !k.SignsFrom.After(now) && (!found || k.SignsFrom.After(current.SignsFrom)) {
			current, found = k, true
		}
	}
	return current, found
}
