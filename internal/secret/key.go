package secret

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
)

// KeySize is the length of a Key in bytes.
const KeySize = 32

// ErrOpen says that a sealed value was altered, belongs to another place (its aad), or was sealed under another key.
// It doesn't say which.
var ErrOpen = errors.New("secret: the sealed value doesn't open with this key and context")

// Key is a symmetric key. The zero value is no key: using it is a bug in the wiring and panics, because going on with
// a known key would be worse.
type Key struct {
	bytes Text // KeySize bytes, hidden as well as Text hides them
}

var (
	_ fmt.Formatter          = Key{}
	_ slog.LogValuer         = Key{}
	_ encoding.TextMarshaler = Key{}
	_ json.Marshaler         = Key{}
)

// NewKey makes a random key.
func NewKey() Key {
	var raw [KeySize]byte
	_, _ = rand.Read(raw[:]) // never fails: the process ends first
	return Key{bytes: Wrap(string(raw[:]))}
}

// KeyFrom takes 32 bytes from elsewhere as a key.
func KeyFrom(raw []byte) (Key, error) {
	if len(raw) != KeySize {
		return Key{}, fmt.Errorf("secret: a key has %d bytes, this one has %d", KeySize, len(raw))
	}
	return Key{bytes: Wrap(string(raw))}, nil
}

// LoadKey reads a key from a file that only its owner can read: 32 raw bytes, or their base64, which lines that begin with # may precede.
func LoadKey(path string) (Key, error) {
	content, err := ReadFile(path)
	if err != nil {
		return Key{}, fmt.Errorf("load key: %w", err)
	}
	raw, err := decodeKey(content)
	if err != nil {
		return Key{}, fmt.Errorf("load key %s: %w", path, err)
	}
	return KeyFrom(raw)
}

// CreateKey makes a key and writes it, in base64, to a file that doesn't exist yet. When the file exists, also because
// another process was a moment faster, the error is fs.ErrExist and the file is left as it was.
func CreateKey(path string, marks ...Mark) (Key, error) {
	key := NewKey()
	content := base64.StdEncoding.EncodeToString(key.raw()) + "\n"
	if err := CreateFile(path, []byte(content), marks...); err != nil {
		return Key{}, fmt.Errorf("create key: %w", err)
	}
	return key, nil
}

// decodeKey takes any 32 bytes as they are. The base64 forms are 43 or 44 characters long, so the two can't be mixed up.
func decodeKey(content []byte) ([]byte, error) {
	if len(content) == KeySize {
		return content, nil
	}
	text := strings.TrimRight(strings.TrimSpace(string(Unmarked(content))), "=")
	for _, encoding := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
		// Strict, and measured before: a decoder passes over line breaks and stray last bits, which a file cut in two or mistyped has.
		if raw, err := encoding.Strict().DecodeString(text); err == nil && len(raw) == KeySize && len(text) == encoding.EncodedLen(KeySize) {
			return raw, nil
		}
	}
	return nil, errors.New("the file holds neither 32 raw bytes nor their base64; make one with: openssl rand -base64 32")
}

// MAC returns HMAC-SHA256 over the context and the parts, each with its length in front, so that no two different calls
// feed it the same bytes. The context names the purpose, such as "authn/email-code/v1".
func (k Key) MAC(context string, parts ...[]byte) [sha256.Size]byte {
	mac := hmac.New(sha256.New, k.raw())
	writePart(mac, []byte(context))
	for _, part := range parts {
		writePart(mac, part)
	}
	return [sha256.Size]byte(mac.Sum(nil))
}

func writePart(w io.Writer, part []byte) {
	var length [8]byte
	binary.BigEndian.PutUint64(length[:], uint64(len(part)))
	_, _ = w.Write(length[:]) // a hash never fails to write
	_, _ = w.Write(part)
}

// Derive returns the key for one purpose (HKDF-SHA256), so that one file can serve several without their mixing.
func (k Key) Derive(purpose string) Key { return k.derive("doorward/derive/v1/" + purpose) }

func (k Key) derive(info string) Key {
	raw, err := hkdf.Key(sha256.New, k.raw(), nil, info, KeySize)
	if err != nil {
		panic("secret: hkdf: " + err.Error()) // only for lengths above 8160 bytes
	}
	return Key{bytes: Wrap(string(raw))}
}

// sealVersion is the first byte of everything sealed, so that another cipher can follow.
const sealVersion = 1

// Seal encrypts what a store keeps at rest (AES-256-GCM, random nonce). The aad names where it belongs, such as the
// record's id, and must be the same at Open: a value copied to another record doesn't open there.
func (k Key) Seal(aad, plaintext []byte) []byte {
	return k.gcm().Seal([]byte{sealVersion}, nil, plaintext, versioned(aad))
}

// Open decrypts what Seal made, or returns ErrOpen.
func (k Key) Open(aad, sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || sealed[0] != sealVersion {
		return nil, ErrOpen
	}
	plaintext, err := k.gcm().Open(nil, nil, sealed[1:], versioned(aad))
	if err != nil {
		return nil, ErrOpen
	}
	return plaintext, nil
}

// gcm works under a key of its own, so that MAC and Seal never use the same bytes in two algorithms.
func (k Key) gcm() cipher.AEAD {
	block, err := aes.NewCipher(k.derive("doorward/seal/v1").raw())
	if err != nil {
		panic("secret: aes: " + err.Error()) // only for a wrong key length
	}
	aead, err := cipher.NewGCMWithRandomNonce(block)
	if err != nil {
		panic("secret: gcm: " + err.Error()) // only for a block size that isn't AES's
	}
	return aead
}

func versioned(aad []byte) []byte { return append([]byte{sealVersion}, aad...) }

// IsZero reports whether there is no key.
func (k Key) IsZero() bool { return k.bytes.IsZero() }

// Equal compares in constant time.
func (k Key) Equal(other Key) bool { return k.bytes.Equal(other.bytes) }

func (k Key) raw() []byte {
	if k.IsZero() {
		panic("secret: a zero Key was used; load or create one first")
	}
	return []byte(k.bytes.Reveal())
}

func (Key) String() string               { return redacted }
func (Key) GoString() string             { return redacted }
func (Key) Format(s fmt.State, _ rune)   { _, _ = io.WriteString(s, redacted) }
func (Key) LogValue() slog.Value         { return slog.StringValue(redacted) }
func (Key) MarshalText() ([]byte, error) { return []byte(redacted), nil }
func (Key) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
