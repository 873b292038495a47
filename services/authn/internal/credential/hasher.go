package credential

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"

	"github.com/doorward/doorward/internal/secret"
)

const (
	saltSize = 16
	keySize  = 32
)

// ErrUnacceptable says that a password was to be stored that no policy accepts. The flow asks Rules.Check first.
var ErrUnacceptable = errors.New("credential: the password breaks the outer bounds; check the rules before hashing")

// Result is the outcome of a check.
type Result struct {
	OK          bool
	NeedsRehash bool // the password is right and stored under other parameters than today's, or in a foreign form
}

// Hasher stores and checks passwords under one set of parameters. It hashes on the caller's goroutine with no bound:
// where requests arrive, use a Pool.
type Hasher struct {
	params Params
	kernel Kernel
}

// NewHasher returns a hasher with the standard kernel.
func NewHasher(params Params) (Hasher, error) { return newHasher(params, Argon2id) }

func newHasher(params Params, kernel Kernel) (Hasher, error) {
	if err := params.Validate(); err != nil {
		return Hasher{}, err
	}
	return Hasher{params: params, kernel: kernel}, nil
}

// Hash makes the form in which a new password is stored.
func (h Hasher) Hash(password secret.Text) (PHC, error) {
	if len(bounds.Check(password)) > 0 {
		h.spend(nil) // refused as late as it would be accepted
		return PHC{}, ErrUnacceptable
	}
	return h.Renew(password)
}

// Renew makes today's form of a password that was right. It may be one that no policy would accept any more, or that
// another system took: its owner isn't asked to change it for that.
func (h Hasher) Renew(password secret.Text) (PHC, error) {
	input, wrong := prepare(password)
	if wrong != "" || len(input) == 0 {
		h.spend(nil)
		return PHC{}, ErrUnacceptable
	}
	salt := make([]byte, saltSize)
	_, _ = rand.Read(salt) // never fails: the process ends first
	key := h.kernel(input, salt, h.params, keySize)
	return form{params: h.params, salt: salt, key: key}.format(), nil
}

// Verify checks a password against its stored form. It computes exactly one hash whatever it is given, also when
// stored is empty (no such user, or no password): the caller can't see the difference in the time it takes. A foreign
// form takes its own time; the pool's deadline is above the slowest.
func (h Hasher) Verify(stored PHC, password secret.Text) (Result, error) {
	input, _ := prepare(password)
	if stored.IsZero() {
		h.spend(input)
		return Result{}, nil
	}
	if !isOwn(stored) {
		return h.verifyForeign(stored, password)
	}
	f, err := parse(stored)
	if err != nil {
		h.spend(input)
		return Result{}, err
	}
	key := h.kernel(input, f.salt, f.params, uint32(len(f.key)))
	// A password that couldn't be prepared was hashed as empty, and the empty one is wrong whatever came out.
	if subtle.ConstantTimeCompare(key, f.key) != 1 || len(input) == 0 {
		return Result{}, nil
	}
	stale := f.params != h.params || len(f.salt) != saltSize || len(f.key) != keySize
	return Result{OK: true, NeedsRehash: stale}, nil
}

// spend does the work of a check and keeps nothing.
func (h Hasher) spend(input []byte) {
	var salt [saltSize]byte
	h.kernel(input, salt[:], h.params, keySize)
}
