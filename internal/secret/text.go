package secret

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/big"
)

const redacted = "[redacted]"

// Text is a piece of text that must not be seen: a password, a token, a code. The zero value is the empty text.
type Text struct {
	// A pointer, because fmt can't call methods on unexported fields of an enclosing struct and would print a string
	// found there; of a pointer to a string it prints the address. (Of a pointer to an array it may print the array.)
	value *string
}

var (
	_ fmt.Stringer           = Text{}
	_ fmt.GoStringer         = Text{}
	_ fmt.Formatter          = Text{}
	_ slog.LogValuer         = Text{}
	_ encoding.TextMarshaler = Text{}
	_ json.Marshaler         = Text{}
)

// Wrap takes a secret that came from outside, such as a password in a request.
func Wrap(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{value: &s}
}

// New makes a token of 256 random bits in base64url after a prefix that names its kind, such as drt_…; the prefix is
// given without its underscore.
func New(prefix string) Text {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails: the process ends first
	return FromBytes(prefix, raw)
}

// FromBytes writes 32 bytes the way New does. It serves tokens that are computed, such as a successor by HMAC.
func FromBytes(prefix string, raw [32]byte) Text {
	return Wrap(prefix + "_" + base64.RawURLEncoding.EncodeToString(raw[:]))
}

// Code6 makes a six-digit code; each of the million is equally likely.
func Code6() Text {
	n, err := rand.Int(rand.Reader, big.NewInt(1_000_000))
	if err != nil {
		panic("secret: no random numbers: " + err.Error()) // crypto/rand.Reader never fails
	}
	return Wrap(fmt.Sprintf("%06d", n))
}

// Reveal returns the secret itself. Each call is a place to look at in a review.
func (t Text) Reveal() string {
	if t.value == nil {
		return ""
	}
	return *t.value
}

// IsZero reports whether there is no secret. Encoders that know omitzero ask this too.
func (t Text) IsZero() bool { return t.value == nil || *t.value == "" }

// Equal compares in constant time for texts of equal length. go-cmp uses it in tests.
func (t Text) Equal(other Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(other.Reveal())) == 1
}

func (Text) String() string               { return redacted }
func (Text) GoString() string             { return redacted }
func (Text) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, redacted) }
func (Text) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Text) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Text) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }

// Digest is the SHA-256 of a token, the form in which a store keeps it.
type Digest [sha256.Size]byte

var (
	_ encoding.TextMarshaler   = Digest{}
	_ encoding.TextUnmarshaler = (*Digest)(nil)
)

// Hash returns the digest under which a random token is stored and found. It isn't for codes or passwords, which can
// be guessed from their hash.
func Hash(t Text) Digest {
	text := t.Reveal()
	// On the stack for what is as long as a token: converting a text to bytes allocates, and each call has its key hashed.
	var usual [1024]byte
	if len(text) > len(usual) {
		return sha256.Sum256([]byte(text))
	}
	return sha256.Sum256(usual[:copy(usual[:], text)])
}

// DigestFrom reads a stored digest and refuses any other length.
func DigestFrom(b []byte) (Digest, bool) {
	if len(b) != sha256.Size {
		return Digest{}, false
	}
	return Digest(b), true
}

// Matches reports whether the presented token is the one that was stored. An absent token or an absent digest matches
// nothing. This is the check to use; Equal is for records.
func (d Digest) Matches(presented Text) bool {
	return !d.IsZero() && !presented.IsZero() && d.Equal(Hash(presented))
}

// Equal compares in constant time.
func (d Digest) Equal(other Digest) bool { return subtle.ConstantTimeCompare(d[:], other[:]) == 1 }

// IsZero reports whether nothing was stored.
func (d Digest) IsZero() bool { return d == Digest{} }

// MarshalText writes a digest as a record holds it: lower-case hex.
func (d Digest) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, d[:]), nil }

// UnmarshalText reads it back, and refuses every other length and what isn't hex.
func (d *Digest) UnmarshalText(text []byte) error {
	raw, err := hex.AppendDecode(nil, text)
	if err != nil {
		return errors.New("secret: a digest isn't hex") // the cause would quote the record
	}
	read, ok := DigestFrom(raw)
	if !ok {
		return fmt.Errorf("secret: a digest has %d bytes, this one has %d", sha256.Size, len(raw))
	}
	*d = read
	return nil
}
