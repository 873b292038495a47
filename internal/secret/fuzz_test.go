package secret_test

import (
	"bytes"
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/secret"
)

// FuzzLoadKey reads a key file of any content. A key that is taken is the same when its base64 is read; what is refused isn't quoted.
func FuzzLoadKey(f *testing.F) {
	raw := bytes.Repeat([]byte{0xfb, 0xff}, 16)
	for _, content := range []string{
		string(raw), base64.StdEncoding.EncodeToString(raw) + "\n", base64.RawURLEncoding.EncodeToString(raw), "", strings.Repeat("A", 43), strings.Repeat("B", 43),
		strings.Repeat("A", 20) + "\n" + strings.Repeat("A", 23), strings.Repeat("A", 42) + "=A=", "not-a-key-at-all-but-a-password\n",
	} {
		f.Add([]byte(content))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, "k")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		key, err := secret.LoadKey(path)
		if err != nil {
			if text := strings.TrimSpace(string(content)); len(text) >= 8 && strings.Contains(err.Error(), text) {
				t.Errorf("the error quotes the file: %v", err)
			}
			return
		}
		if len(content) != secret.KeySize {
			requireOneSpelling(t, key, content)
		}
	})
}

// requireOneSpelling fails unless text that was taken for a key is its base64, and nothing that another decoder would read differently.
func requireOneSpelling(t *testing.T, key secret.Key, content []byte) {
	t.Helper()
	text := strings.TrimRight(strings.TrimSpace(string(content)), "=")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(text))
	if err != nil || strings.ContainsAny(text, "\r\n") {
		t.Fatalf("%q was taken for a key: %v", content, err)
	}
	if want, err := secret.KeyFrom(raw); err != nil || !want.Equal(key) {
		t.Errorf("%q was read as another key: %v", content, err)
	}
}

// FuzzOpen has a sealed value and its place altered by the engine, which doesn't know the key: it opens as it was sealed, or not at all.
func FuzzOpen(f *testing.F) {
	key, err := secret.KeyFrom(bytes.Repeat([]byte{1}, secret.KeySize))
	if err != nil {
		f.Fatal(err)
	}
	place, plain := []byte("key_1"), []byte("the signing key")
	// Sealed once and kept here, because a nonce is new each time.
	sealed, err := base64.StdEncoding.DecodeString(sealedForFuzzing)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(place, sealed)
	f.Add([]byte("key_2"), sealed)
	f.Add(place, sealed[:len(sealed)-1])
	f.Add(place, []byte{})
	f.Fuzz(func(t *testing.T, aad, presented []byte) {
		got, err := key.Open(aad, presented)
		if bytes.Equal(aad, place) && bytes.Equal(presented, sealed) {
			if err != nil || !bytes.Equal(got, plain) {
				t.Errorf("Open = %q, %v", got, err)
			}
			return
		}
		if !errors.Is(err, secret.ErrOpen) || got != nil {
			t.Errorf("Open of what wasn't sealed = %q, %v", got, err)
		}
	})
}

// sealedForFuzzing is "the signing key" for "key_1", under FuzzOpen's key.
const sealedForFuzzing = "AR+Lz/eryuhfMEU+dcECyB4ka9n19bP4xcumhKBgotzXDfFBaQtLZZYRUM0="
