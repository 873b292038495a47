package secret_test

import (
	"bytes"
	"encoding/base64"
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
	f.Add(secret.ForDevelopment.On([]byte(base64.StdEncoding.EncodeToString(raw))))
	f.Add(secret.ForDevelopment.On(raw))
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
	text := strings.TrimRight(strings.TrimSpace(string(secret.Unmarked(content))), "=")
	raw, err := base64.RawURLEncoding.Strict().DecodeString(strings.NewReplacer("+", "-", "/", "_").Replace(text))
	if err != nil || strings.ContainsAny(text, "\r\n") {
		t.Fatalf("%q was taken for a key: %v", content, err)
	}
	if want, err := secret.KeyFrom(raw); err != nil || !want.Equal(key) {
		t.Errorf("%q was read as another key: %v", content, err)
	}
}
