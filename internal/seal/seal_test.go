package seal_test

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func codeMail() seal.AAD {
	return seal.AAD{MessageID: "dlv_1", Recipient: "ada@example.org", Purpose: "signin-code", Expires: noon.Add(10 * time.Minute)}
}

func createKey(t *testing.T) (path string, to seal.Recipient) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "mail.key")
	to, err := seal.CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	return path, to
}

func opener(t *testing.T, current string, old ...string) *seal.Opener {
	t.Helper()
	o, err := seal.LoadOpener(current, old...)
	if err != nil {
		t.Fatal(err)
	}
	return o
}

func sealed(t *testing.T, to seal.Recipient) seal.Envelope {
	t.Helper()
	e, err := seal.Seal(to, codeMail(), []byte("code 123456"))
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestOnlyTheRecipientReads(t *testing.T) {
	path, _ := createKey(t)
	to, err := seal.LoadRecipient(path + seal.PublicSuffix)
	if err != nil {
		t.Fatal(err)
	}
	e := sealed(t, to)
	if bytes.Contains(e.Ciphertext, []byte("123456")) {
		t.Fatal("the code is in the ciphertext")
	}
	got, err := opener(t, path).Open(e, codeMail(), noon)
	if err != nil || string(got) != "code 123456" {
		t.Errorf("Open = %q, %v", got, err)
	}
	stranger, _ := createKey(t)
	if _, err := opener(t, stranger).Open(e, codeMail(), noon); !errors.Is(err, seal.ErrUnknownKey) {
		t.Errorf("another opener: err = %v, want ErrUnknownKey", err)
	}
	e.KeyID = opener(t, stranger).Recipient().KeyID()
	if _, err := opener(t, stranger).Open(e, codeMail(), noon); !errors.Is(err, seal.ErrOpen) {
		t.Errorf("another opener, key id exchanged: err = %v, want ErrOpen", err)
	}
}

func TestOldKeysStillOpen(t *testing.T) {
	oldPath, oldTo := createKey(t)
	newPath, newTo := createKey(t)
	o := opener(t, newPath, oldPath)
	if o.Recipient().KeyID() != newTo.KeyID() {
		t.Error("the current key isn't the first")
	}
	for name, to := range map[string]seal.Recipient{"old": oldTo, "new": newTo} {
		if _, err := o.Open(sealed(t, to), codeMail(), noon); err != nil {
			t.Errorf("%s key: %v", name, err)
		}
	}
}

func TestOpenRefusesAlteredMessages(t *testing.T) {
	path, to := createKey(t)
	o := opener(t, path)
	for name, c := range map[string]struct {
		alter func(*seal.Envelope, *seal.AAD)
		want  error
	}{
		"other message":    {func(_ *seal.Envelope, a *seal.AAD) { a.MessageID = "dlv_2" }, seal.ErrOpen},
		"other recipient":  {func(_ *seal.Envelope, a *seal.AAD) { a.Recipient = "eve@example.org" }, seal.ErrOpen},
		"other purpose":    {func(_ *seal.Envelope, a *seal.AAD) { a.Purpose = "alert" }, seal.ErrOpen},
		"later expiry":     {func(_ *seal.Envelope, a *seal.AAD) { a.Expires = a.Expires.Add(time.Hour) }, seal.ErrOpen},
		"shifted fields":   {func(_ *seal.Envelope, a *seal.AAD) { a.MessageID, a.Recipient = "dlv_1a", "da@example.org" }, seal.ErrOpen},
		"no recipient":     {func(_ *seal.Envelope, a *seal.AAD) { a.Recipient = "" }, seal.ErrIncomplete},
		"no expiry":        {func(_ *seal.Envelope, a *seal.AAD) { a.Expires = time.Time{} }, seal.ErrIncomplete},
		"ciphertext":       {func(e *seal.Envelope, _ *seal.AAD) { e.Ciphertext[0] ^= 1 }, seal.ErrOpen},
		"short ciphertext": {func(e *seal.Envelope, _ *seal.AAD) { e.Ciphertext = e.Ciphertext[:3] }, seal.ErrOpen},
		"encapsulated key": {func(e *seal.Envelope, _ *seal.AAD) { e.Enc[0] ^= 1 }, seal.ErrOpen},
		"no enc":           {func(e *seal.Envelope, _ *seal.AAD) { e.Enc = nil }, seal.ErrOpen},
		"unknown key id":   {func(e *seal.Envelope, _ *seal.AAD) { e.KeyID = "0000000000000000" }, seal.ErrUnknownKey},
		"no key id":        {func(e *seal.Envelope, _ *seal.AAD) { e.KeyID = "" }, seal.ErrUnknownKey},
	} {
		t.Run(name, func(t *testing.T) {
			e, aad := sealed(t, to), codeMail()
			c.alter(&e, &aad)
			if got, err := o.Open(e, aad, noon); !errors.Is(err, c.want) || got != nil {
				t.Errorf("Open = %q, %v; want %v", got, err, c.want)
			}
		})
	}
}

func TestOpenRefusesExpiredMessages(t *testing.T) {
	path, to := createKey(t)
	o, e, aad := opener(t, path), sealed(t, to), codeMail()
	if _, err := o.Open(e, aad, aad.Expires.Add(-time.Millisecond)); err != nil {
		t.Errorf("just before: %v", err)
	}
	if _, err := o.Open(e, aad, aad.Expires); !errors.Is(err, seal.ErrExpired) {
		t.Errorf("at the expiry: err = %v, want ErrExpired", err)
	}
}

func TestSealRefusesIncompleteAAD(t *testing.T) {
	_, to := createKey(t)
	aad := codeMail()
	aad.Purpose = ""
	if _, err := seal.Seal(to, aad, nil); !errors.Is(err, seal.ErrIncomplete) {
		t.Errorf("err = %v, want ErrIncomplete", err)
	}
	if _, err := seal.Seal(seal.Recipient{}, codeMail(), nil); err == nil {
		t.Error("sealed to nobody")
	}
}

func TestCreateKeyAgainKeepsTheKey(t *testing.T) {
	path, first := createKey(t)
	if err := os.Remove(path + seal.PublicSuffix); err != nil { // as after a crash between the two files
		t.Fatal(err)
	}
	again, err := seal.CreateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if again.KeyID() != first.KeyID() {
		t.Error("the key was replaced")
	}
	public, err := seal.LoadRecipient(path + seal.PublicSuffix)
	if err != nil || public.KeyID() != first.KeyID() {
		t.Errorf("public half: %v, %v", public.KeyID(), err)
	}
}

func TestMarkIsOnBothHalvesAndStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "k")
	to, err := seal.CreateKey(path, secret.ForDevelopment)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := seal.CreateKey(path); err != nil { // production's own, later, on the same files
		t.Fatal(err)
	}
	for _, file := range []string{path, path + seal.PublicSuffix} {
		if err := secret.RefuseDevelopment(file, "x"); !errors.Is(err, secret.ErrDevelopment) {
			t.Errorf("%s: %v, want ErrDevelopment", file, err)
		}
	}
	public, err := seal.LoadRecipient(path + seal.PublicSuffix)
	if err != nil || public.KeyID() != to.KeyID() || fmt.Sprint(opener(t, path)) != "opener "+to.KeyID() {
		t.Errorf("the marked halves don't load: %v", err)
	}
}

func TestKeyFilesArePrivate(t *testing.T) {
	path, _ := createKey(t)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, want 0600", info.Mode().Perm())
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := seal.LoadOpener(path); !errors.Is(err, secret.ErrExposed) {
		t.Errorf("err = %v, want ErrExposed", err)
	}
}

func TestLoadRefusesTheOtherHalf(t *testing.T) {
	path, _ := createKey(t)
	if _, err := seal.LoadRecipient(path); err == nil {
		t.Error("a private key was loaded as a recipient")
	}
	if _, err := seal.LoadOpener(path + seal.PublicSuffix); err == nil {
		t.Error("a public key was loaded as an opener")
	}
}

func TestAnOpenerPrintsItsKeyIDAlone(t *testing.T) {
	path, to := createKey(t)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%x"} {
		if got, want := fmt.Sprintf(verb, opener(t, path)), "opener "+to.KeyID(); got != want {
			t.Errorf("%s prints %q, want %q", verb, got, want)
		}
	}
}
