package seal_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/seal"
)

// FuzzLoadKeys reads key files of any content. One file is a private key, or a public one, or neither; a private one opens what is sealed to it; no
// error quotes the file.
func FuzzLoadKeys(f *testing.F) {
	private := fixedKey(f)
	if _, err := seal.CreateKey(private); err != nil { // writes the public half
		f.Fatal(err)
	}
	for _, path := range []string{private, private + seal.PublicSuffix} {
		content, err := os.ReadFile(path)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(content)
		f.Add(append(content, content...))
		f.Add(content[:len(content)-10])
		f.Add(bytes.Replace(content, []byte("-----\n"), []byte("-----\nA: b\n\n"), 1))
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, content []byte) {
		path := filepath.Join(dir, "key")
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
		o, errPrivate := seal.LoadOpener(path)
		to, errPublic := seal.LoadRecipient(path)
		for _, err := range []error{errPrivate, errPublic} {
			if text := string(bytes.TrimSpace(content)); err != nil && len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Errorf("the error quotes the file: %v", err)
			}
		}
		if errPrivate == nil && errPublic == nil {
			t.Error("the file passes for both halves")
		}
		if errPrivate == nil {
			to = o.Recipient()
		}
		if errPrivate != nil && errPublic != nil {
			return
		}
		envelope, err := seal.Seal(to, codeMail(), []byte("code"))
		if err != nil || len(to.KeyID()) != 16 {
			t.Fatalf("key %q doesn't seal: %v", to.KeyID(), err)
		}
		if errPrivate != nil {
			return
		}
		if got, err := o.Open(envelope, codeMail(), noon); err != nil || string(got) != "code" {
			t.Errorf("a key doesn't open what is sealed to it: %q, %v", got, err)
		}
	})
}

// fixedKey is a private key file that is the same in every process.
func fixedKey(f *testing.F) string {
	f.Helper()
	path := filepath.Join(f.TempDir(), "mail.key")
	const block = "-----BEGIN DOORWARD SEALING PRIVATE KEY-----\nAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=\n-----END DOORWARD SEALING PRIVATE KEY-----\n"
	if err := os.WriteFile(path, []byte(block), 0o600); err != nil {
		f.Fatal(err)
	}
	return path
}
