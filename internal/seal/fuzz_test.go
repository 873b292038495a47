package seal_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/seal"
)

// FuzzOpen has an envelope and its AAD altered by the engine, which can't seal for this address: it opens as it was sealed, or not at all.
func FuzzOpen(f *testing.F) {
	o, err := seal.LoadOpener(fixedKey(f))
	if err != nil {
		f.Fatal(err)
	}
	aad, plain := codeMail(), []byte("code 123456")
	genuine, err := seal.Seal(o.Recipient(), aad, plain)
	if err != nil {
		f.Fatal(err)
	}
	expires := aad.Expires.UnixMilli()
	f.Add(genuine.KeyID, genuine.Enc, genuine.Ciphertext, aad.MessageID, aad.Recipient, aad.Purpose, expires)
	f.Add(genuine.KeyID, genuine.Enc, genuine.Ciphertext, aad.MessageID+"a", aad.Recipient[1:], aad.Purpose, expires)
	f.Add(genuine.KeyID, genuine.Enc[:32], genuine.Ciphertext, aad.MessageID, aad.Recipient, aad.Purpose, expires)
	f.Add("", []byte{}, []byte{}, "", "", "", int64(0))
	f.Fuzz(func(t *testing.T, keyID string, enc, ciphertext []byte, id, recipient, purpose string, expires int64) {
		presented := seal.AAD{MessageID: id, Recipient: recipient, Purpose: purpose, Expires: time.UnixMilli(expires)}
		got, err := o.Open(seal.Envelope{KeyID: keyID, Enc: enc, Ciphertext: ciphertext}, presented, noon)
		if err == nil {
			// Another process's seal of the same mail is genuine too: the key is fixed, and each seal is a new one.
			if !bytes.Equal(got, plain) || id != aad.MessageID || recipient != aad.Recipient || purpose != aad.Purpose || expires != aad.Expires.UnixMilli() {
				t.Errorf("%q opened, as %q to %q", got, purpose, recipient)
			}
			return
		}
		if got != nil {
			t.Errorf("%q came with %v", got, err)
		}
		for _, kind := range []error{seal.ErrIncomplete, seal.ErrUnknownKey, seal.ErrOpen, seal.ErrExpired} {
			if errors.Is(err, kind) {
				return
			}
		}
		t.Errorf("%v: an error of no kind", err)
	})
}

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
