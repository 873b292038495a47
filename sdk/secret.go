package doorward

import (
	"encoding"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
)

const redacted = "[redacted]"

// Secret is a text that must not be seen: a token, a key, a ticket. However it is printed, logged or encoded, it shows
// as [redacted]. The zero value is no secret.
type Secret struct {
	// A pointer: fmt can't call methods on another struct's unexported fields and would print a string it finds there.
	value *string
}

var (
	_ fmt.Formatter          = Secret{}
	_ slog.LogValuer         = Secret{}
	_ encoding.TextMarshaler = Secret{}
	_ json.Marshaler         = Secret{}
)

// SecretOf wraps a text, such as the device secret from a cookie.
func SecretOf(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{value: &text}
}

// Reveal returns the text itself.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// IsZero reports whether there is no secret.
func (s Secret) IsZero() bool { return s.value == nil }

// String is always [redacted].
func (Secret) String() string { return redacted }

// Format prints [redacted] for every verb.
func (Secret) Format(out fmt.State, _ rune) { _, _ = io.WriteString(out, redacted) }

// LogValue is always [redacted].
func (Secret) LogValue() slog.Value { return slog.StringValue(redacted) }

// MarshalText is always [redacted]: a secret is stored only by somebody who called Reveal.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// MarshalJSON is always "[redacted]".
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + redacted + `"`), nil }
