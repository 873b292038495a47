package breach

import (
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under; it protects nothing
	"fmt"
	"log/slog"

	"golang.org/x/text/unicode/norm"

	"github.com/doorward/doorward/internal/secret"
)

// Hash is a password's SHA-1, under which breached passwords are published. It can be guessed back, so it is as secret as the password and
// prints as [redacted].
type Hash [sha1.Size]byte

// HashOf is the SHA-1 of a password in Unicode's NFC, the form that Doorward stores passwords in: what is typed on a keyboard that composes
// its letters otherwise is the same password, and gets the same answer.
func HashOf(password secret.Text) Hash {
	return sha1.Sum(norm.NFC.Bytes([]byte(password.Reveal()))) //nolint:gosec // see the import
}

// String, and the methods below, keep a hash out of whatever is printed.
func (Hash) String() string { return redacted }

// Format keeps it out of every verb of fmt.
func (Hash) Format(f fmt.State, _ rune) { fmt.Fprint(f, redacted) }

// MarshalText keeps it out of JSON and its like.
func (Hash) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue keeps it out of log lines.
func (Hash) LogValue() slog.Value { return slog.StringValue(redacted) }

const redacted = "[redacted]"
