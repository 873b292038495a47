package token_test

import (
	"crypto/ed25519"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/token"
)

const issuer = "https://auth.example.com"

// keys is a keyring of one key, whose private half the test holds too.
type keys struct {
	ring    *token.Keyring
	private ed25519.PrivateKey
	public  ed25519.PublicKey
	kid     string
}

func newKeys(t testing.TB) keys {
	t.Helper()
	sealing := secret.NewKey()
	signing, err := token.NewSigningKey(sealing, noon, noon)
	if err != nil {
		t.Fatal(err)
	}
	seed, err := sealing.Open([]byte("authn/signing-key/"+signing.ID), signing.Sealed)
	if err != nil {
		t.Fatal(err)
	}
	ring, err := token.NewKeyring(issuer, sealing, []token.SigningKey{signing})
	if err != nil {
		t.Fatal(err)
	}
	return keys{ring: ring, private: ed25519.NewKeyFromSeed(seed), public: signing.Public, kid: signing.ID}
}

func claims() token.Claims {
	return token.Claims{
		Subject: "usr_1", Audience: "notes", Application: "app_1", Session: "ses_1", Device: "dev_1", Generation: 3, ID: "tok_1",
		AMR: []string{"pwd", "otp"}, AuthTime: noon.Add(-time.Hour), FirstFactorAt: noon.Add(-time.Hour), SecondFactorAt: noon.Add(-time.Minute),
		IssuedAt: noon, ExpiresAt: noon.Add(time.Minute),
	}
}

func (k keys) sign(t testing.TB) secret.Text {
	t.Helper()
	signed, err := k.ring.Sign(claims())
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

func TestASessionTokenSaysWhatWasSigned(t *testing.T) {
	k := newKeys(t)
	onlyPassword := claims()
	onlyPassword.SecondFactorAt = time.Time{} // never verified
	for name, signed := range map[string]token.Claims{"both factors": claims(), "one factor": onlyPassword} {
		text, err := k.ring.Sign(signed)
		if err != nil {
			t.Fatal(err)
		}
		got, err := k.ring.Read(text, noon)
		if err != nil {
			t.Fatal(err)
		}
		want := signed
		want.Issuer, want.Status = issuer, "active"
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
}

func TestASessionTokenOnTheWire(t *testing.T) {
	k := newKeys(t)
	got := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(k.sign(t).Reveal(), got)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string]any{"alg": "EdDSA", "typ": "doorward-session+jwt", "kid": k.kid}, parsed.Header); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	at := float64(noon.Unix())
	want := jwt.MapClaims{
		"iss": issuer, "sub": "usr_1", "aud": []any{"notes"}, "azp": "app_1", "sid": "ses_1", "gen": 3.0, "iat": at, "nbf": at, "exp": at + 60,
		"jti": "tok_1", "amr": []any{"pwd", "otp"}, "auth_time": at - 3600, "fva": []any{at - 3600, at - 60}, "sts": "active", "dev": "dev_1",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("claims (-want +got):\n%s", diff)
	}
}

// forgery is a token that differs from a good one in one thing.
type forgery struct {
	method jwt.SigningMethod
	key    any
	header map[string]any
	claims jwt.MapClaims
}

// forged makes a token from a good one's parts. A nil value takes a header or claim away.
func (k keys) forged(t testing.TB, f forgery) string {
	t.Helper()
	body := jwt.MapClaims{}
	if _, _, err := jwt.NewParser().ParseUnverified(k.sign(t).Reveal(), body); err != nil {
		t.Fatal(err)
	}
	made := jwt.NewWithClaims(jwt.SigningMethodEdDSA, body)
	if f.method != nil {
		made = jwt.NewWithClaims(f.method, body)
	}
	made.Header["typ"], made.Header["kid"] = token.Type, k.kid
	replace(made.Header, f.header)
	replace(body, f.claims)
	var key any = k.private
	if f.key != nil {
		key = f.key
	}
	text, err := made.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func replace(in, with map[string]any) {
	maps.Copy(in, with)
	maps.DeleteFunc(in, func(_ string, v any) bool { return v == nil })
}

func TestAForgedSessionTokenIsInvalid(t *testing.T) {
	k := newKeys(t)
	_, stranger, err := ed25519.GenerateKey(nil)
	if err != nil {
		t.Fatal(err)
	}
	at := noon.Unix()
	for name, f := range map[string]forgery{
		"alg none":                   {method: jwt.SigningMethodNone, key: jwt.UnsafeAllowNoneSignatureType},
		"HS256 under the public key": {method: jwt.SigningMethodHS256, key: []byte(k.public)},
		"another's key, our kid":     {key: stranger},
		"another's key, in a jwk":    {key: stranger, header: map[string]any{"jwk": map[string]any{"kty": "OKP"}}},
		"an unknown kid":             {header: map[string]any{"kid": "key_2"}},
		"no kid":                     {header: map[string]any{"kid": nil}},
		"a kid that isn't text":      {header: map[string]any{"kid": 1}},
		"another typ":                {header: map[string]any{"typ": "JWT"}},
		"no typ":                     {header: map[string]any{"typ": nil}},
		"another issuer":             {claims: jwt.MapClaims{"iss": "https://intruder.example.com"}},
		"no issuer":                  {claims: jwt.MapClaims{"iss": nil}},
		"no subject":                 {claims: jwt.MapClaims{"sub": nil}},
		"no session":                 {claims: jwt.MapClaims{"sid": nil}},
		"no audience":                {claims: jwt.MapClaims{"aud": nil}},
		"two audiences":              {claims: jwt.MapClaims{"aud": []string{"notes", "bank"}}},
		"no expiry":                  {claims: jwt.MapClaims{"exp": nil}},
		"no time of issue":           {claims: jwt.MapClaims{"iat": nil}},
		"no beginning":               {claims: jwt.MapClaims{"nbf": nil}},
		"issued in the future":       {claims: jwt.MapClaims{"iat": at + 1}},
		"not good yet":               {claims: jwt.MapClaims{"nbf": at + 1}},
		"a session that isn't text":  {claims: jwt.MapClaims{"sid": 1}},
		"longer than any of ours":    {claims: jwt.MapClaims{"azp": strings.Repeat("x", 4096)}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := k.ring.Read(secret.Wrap(k.forged(t, f)), noon)
			if !errors.Is(err, token.ErrInvalid) {
				t.Errorf("Read = %+v, %v; want ErrInvalid", got, err)
			}
			if diff := cmp.Diff(token.Claims{}, got); diff != "" {
				t.Errorf("claims came back:\n%s", diff)
			}
		})
	}
	// The forgeries fail for what is forged: with nothing changed, the same way makes a good token.
	if _, err := k.ring.Read(secret.Wrap(k.forged(t, forgery{})), noon); err != nil {
		t.Errorf("with nothing changed: %v", err)
	}
}

func TestAMangledSessionTokenIsInvalid(t *testing.T) {
	k := newKeys(t)
	good := k.sign(t).Reveal()
	if _, err := k.ring.Read(secret.Wrap(good), noon); err != nil { // from here on it is remembered
		t.Fatal(err)
	}
	parts := strings.Split(good, ".")
	for name, text := range map[string]string{
		"nothing":            "",
		"one part":           parts[0],
		"two parts":          parts[0] + "." + parts[1],
		"no signature":       parts[0] + "." + parts[1] + ".",
		"a part more":        good + ".x",
		"with padding":       good + "==",
		"another's key":      newKeys(t).sign(t).Reveal(),
		"not a token":        "three.short.words",
		"a bearer's header":  "Bearer " + good,
		"with a line break":  good + "\n",
		"a megabyte of dots": strings.Repeat(".", 1<<20),
	} {
		if _, err := k.ring.Read(secret.Wrap(text), noon); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("%s: %v, want ErrInvalid", name, err)
		}
	}
	for i := range good {
		altered := []byte(good)
		altered[i] ^= 1
		if _, err := k.ring.Read(secret.Wrap(string(altered)), noon); !errors.Is(err, token.ErrInvalid) {
			t.Errorf("altered at %d: %v, want ErrInvalid", i, err)
		}
	}
}

func TestASessionTokenEndsWithItsLife(t *testing.T) {
	for after, want := range map[time.Duration]error{
		0: nil, time.Minute - 1: nil, time.Minute: token.ErrExpired, time.Hour: token.ErrExpired, -time.Second: token.ErrInvalid,
	} {
		k := newKeys(t)
		signed := k.sign(t)
		if _, err := k.ring.Read(signed, noon.Add(after)); !errors.Is(err, want) {
			t.Errorf("new, after %v: %v, want %v", after, err, want)
		}
		if _, err := k.ring.Read(signed, noon); err != nil {
			t.Errorf("at noon: %v", err)
		}
		if _, err := k.ring.Read(signed, noon.Add(after)); !errors.Is(err, want) {
			t.Errorf("remembered, after %v: %v, want %v", after, err, want)
		}
	}
}

// A token that has expired and is somebody else's must not pass for merely expired.
func TestAnExpiredForgeryIsAForgery(t *testing.T) {
	if _, err := newKeys(t).ring.Read(newKeys(t).sign(t), noon.Add(time.Hour)); !errors.Is(err, token.ErrInvalid) {
		t.Errorf("%v, want ErrInvalid", err)
	}
}

func TestErrorsDontShowTheToken(t *testing.T) {
	k := newKeys(t)
	for _, text := range []string{k.forged(t, forgery{claims: jwt.MapClaims{"sid": nil}}), k.sign(t).Reveal() + "x", "not-a-token-at-all"} {
		_, err := k.ring.Read(secret.Wrap(text), noon)
		if err == nil || strings.Contains(err.Error(), text) || strings.Contains(err.Error(), strings.Split(text, ".")[0]) {
			t.Errorf("the error is %v", err)
		}
	}
}
