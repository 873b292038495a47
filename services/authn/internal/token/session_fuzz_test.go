package token_test

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// fixedKeys are the same in every process: what a fuzzer found with them means the same tomorrow.
func fixedKeys(t testing.TB) keys {
	t.Helper()
	sealing, err := secret.KeyFrom(bytes.Repeat([]byte{1}, secret.KeySize))
	if err != nil {
		t.Fatal(err)
	}
	private := ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
	public, ok := private.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("not an Ed25519 key")
	}
	const kid = "key_1"
	signing := token.SigningKey{
		ID: kid, Public: public, Sealed: sealing.Seal([]byte("authn/signing-key/"+kid), private.Seed()), CreatedAt: noon, SignsFrom: noon,
	}
	ring, err := token.NewKeyring(issuer, sealing, []token.SigningKey{signing})
	if err != nil {
		t.Fatal(err)
	}
	return keys{ring: ring, private: private, public: public, kid: kid}
}

// FuzzReadSession has the whole token from a stranger. The engine can't sign, so only the token that was signed is good, in the one spelling
// that it has.
func FuzzReadSession(f *testing.F) {
	k := fixedKeys(f)
	good := k.sign(f).Reveal()
	for _, seed := range []string{good, good[:len(good)-1], good + "\n", "..", "e30.e30.", "a.b.c.d", strings.Repeat("e30.", 3)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, err := k.ring.Read(secret.Wrap(text), noon)
		switch {
		case err == nil && text != good:
			t.Errorf("%q was read", text)
		case err != nil && !errors.Is(err, token.ErrInvalid) && !errors.Is(err, token.ErrExpired):
			t.Errorf("%v: an error of neither kind", err)
		case err != nil && !cmp.Equal(got, token.Claims{}):
			t.Errorf("refused, and yet %+v", got)
		}
	})
}

// FuzzReadSignedSession signs whatever header and claims the engine thinks of: behind the signature too, only what this package writes is
// taken, and a signature that isn't over it takes nothing.
func FuzzReadSignedSession(f *testing.F) {
	k := fixedKeys(f)
	header, body := unsigned(f, k.sign(f).Reveal())
	f.Add(header, body, []byte{})
	f.Add(header, body, []byte{0, 1})
	f.Add(`{"alg":"none","typ":"doorward-session+jwt","kid":"key_1"}`, body, []byte{})
	f.Add(header, strings.Replace(body, `"notes"`, `"notes","bank"`, 1), []byte{})
	f.Add(header, strings.Replace(body, `"exp":`, `"exp":1e300,"old":`, 1), []byte{})
	f.Add(header, `null`, []byte{})
	f.Fuzz(func(t *testing.T, header, body string, mask []byte) {
		encode := base64.RawURLEncoding.EncodeToString
		text := encode([]byte(header)) + "." + encode([]byte(body))
		signature := ed25519.Sign(k.private, []byte(text))
		for i, bits := range mask[:min(len(mask), len(signature))] {
			signature[i] ^= bits
		}
		intact := ed25519.Verify(k.public, []byte(text), signature)
		text += "." + encode(signature)

		got, err := k.ring.Read(secret.Wrap(text), noon)
		if err != nil {
			return
		}
		if !intact {
			t.Fatalf("read, with another's signature: %s %s", header, body)
		}
		requireWhole(t, k, header, got)
	})
}

// requireWhole fails unless claims that were read are those of a session token, whole and alive, and can be written again.
func requireWhole(t *testing.T, k keys, header string, got token.Claims) {
	t.Helper()
	var named struct{ Alg, Typ, Kid string }
	if err := json.Unmarshal([]byte(header), &named); err != nil || named.Alg != "EdDSA" || named.Typ != token.Type || named.Kid != k.kid {
		t.Errorf("read, with the header %s", header)
	}
	if got.Subject == "" || got.Session == "" || got.Issuer != issuer || !got.ExpiresAt.After(noon) || got.IssuedAt.After(noon) {
		t.Errorf("read, though a claim is missing or wrong: %+v", got)
	}
	if got.Status != "active" {
		return // Sign writes no other
	}
	got.IssuedAt = noon // the one key signs from noon on
	again, err := k.ring.Sign(got)
	if err != nil {
		t.Fatal(err)
	}
	reread, err := k.ring.Read(again, noon)
	if err != nil && len(again.Reveal()) > 4096 {
		return // written with every claim, it is longer
	}
	if diff := cmp.Diff(got, reread, cmp.Comparer(time.Time.Equal)); err != nil || diff != "" {
		t.Errorf("signed again it reads differently: %v\n%s", err, diff)
	}
}

// unsigned is a token's header and claims as JSON.
func unsigned(t testing.TB, text string) (header, body string) {
	t.Helper()
	parts := strings.Split(text, ".")
	h, errHeader := base64.RawURLEncoding.DecodeString(parts[0])
	b, errBody := base64.RawURLEncoding.DecodeString(parts[1])
	if err := errors.Join(errHeader, errBody); err != nil {
		t.Fatal(err)
	}
	return string(h), string(b)
}
