package doorward_test

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	doorward "github.com/doorward/doorward/sdk"
)

func TestSecretsDontPrint(t *testing.T) {
	const text = "srt_do-not-show"
	secret := doorward.SecretOf(text)
	values := map[string]any{
		"itself":  secret,
		"pointer": &secret,
		"grant":   doorward.Grant{RefreshToken: secret, SessionToken: secret, DeviceSecret: secret},
		"tokens":  doorward.Tokens{RefreshToken: secret},
		"config":  doorward.Config{APIKey: secret},
		"from":    doorward.From{}.WithDevice(secret),
		"inside":  struct{ hidden doorward.Secret }{secret},
		"list":    []doorward.Secret{secret},
	}
	for name, value := range values {
		var out strings.Builder
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&out, verb, value)
		}
		if encoded, err := json.Marshal(value); err == nil {
			out.Write(encoded)
		}
		slog.New(slog.NewTextHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "test", slog.Any("value", value))
		slog.New(slog.NewJSONHandler(&out, nil)).LogAttrs(t.Context(), slog.LevelInfo, "test", slog.Any("value", value))
		if strings.Contains(out.String(), text) || strings.Contains(out.String(), fmt.Sprintf("%x", text)) {
			t.Errorf("%s shows the secret: %s", name, out.String())
		}
	}
	if secret.Reveal() != text {
		t.Error("Reveal doesn't return the text")
	}
}
