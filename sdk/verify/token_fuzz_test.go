package verify

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const (
	fuzzIssuer = "https://id.example.com"
	goodHeader = `{"alg":"EdDSA","kid":"key_1","typ":"doorward-session+jwt"}`
	goodClaims = `{"iss":"https://id.example.com","aud":["notes"],"azp":"app_1","sub":"usr_1","sid":"ses_1","dev":"dev_1","gen":1,` +
		`"iat":1772366400,"nbf":1772366400,"exp":1772366460,"amr":["pwd"],"auth_time":1772366400,"sts":"active"}`
)

// fuzzNow is when goodClaims were issued.
var fuzzNow = time.Unix(1772366400, 0)

// fuzzKey is the same in every process: what a fuzzer found with it means the same tomorrow.
func fuzzKey() ed25519.PrivateKey {
	return ed25519.NewKeyFromSeed(bytes.Repeat([]byte{2}, ed25519.SeedSize))
}

// noAuthn is a source of keys that can't be reached.
type noAuthn struct{}

func (noAuthn) GetKeySet(context.Context, *authnv1.GetKeySetRequest, ...grpc.CallOption) (*authnv1.GetKeySetResponse, error) {
	return nil, errors.New("authn can't be reached")
}

func fuzzChecker(f *testing.F) *tokenChecker {
	f.Helper()
	public, ok := fuzzKey().Public().(ed25519.PublicKey)
	if !ok {
		f.Fatal("not an Ed25519 key")
	}
	keys := &keyring{source: noAuthn{}, issuer: fuzzIssuer, now: func() time.Time { return fuzzNow }, logger: slog.New(slog.DiscardHandler)}
	keys.current.Store(&keySet{byID: map[string]ed25519.PublicKey{"key_1": public}, fetchedAt: fuzzNow})
	return newTokenChecker(keys, fuzzIssuer, "notes")
}

// signedBy joins header and claims, and signs them; the mask then spoils the signature bit by bit.
func signedBy(key ed25519.PrivateKey, header, claims string, mask []byte) string {
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(header)) + "." + encode([]byte(claims))
	signature := ed25519.Sign(key, []byte(text))
	for i, bits := range mask[:min(len(mask), len(signature))] {
		signature[i] ^= bits
	}
	return text + "." + encode(signature)
}

// FuzzVerify has the whole token from a stranger, who can't sign: only the token that was signed is let in, in its one spelling.
func FuzzVerify(f *testing.F) {
	checker := fuzzChecker(f)
	good := signedBy(fuzzKey(), goodHeader, goodClaims, nil)
	for _, seed := range []string{good, good + "=", good[:len(good)-1], "..", "e30.e30.e30", signedBy(fuzzKey(), goodHeader, "null", nil)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, presented string) {
		session, err := checker.check(t.Context(), presented, fuzzNow)
		if err == nil && presented != good {
			t.Fatalf("let in: %q", presented)
		}
		requireRefusal(t, session, err)
	})
}

// FuzzVerifySigned signs whatever header and claims the engine thinks of: behind a good signature too, only a whole session token for this
// audience is let in, and behind a spoilt one nothing.
func FuzzVerifySigned(f *testing.F) {
	checker := fuzzChecker(f)
	f.Add(goodHeader, goodClaims, []byte{})
	f.Add(goodHeader, goodClaims, []byte{0, 1})
	f.Add(strings.Replace(goodHeader, "EdDSA", "none", 1), goodClaims, []byte{})
	f.Add(strings.Replace(goodHeader, "}", `,"\u006awk":{}}`, 1), goodClaims, []byte{})
	f.Add(goodHeader, strings.Replace(goodClaims, `["notes"]`, `"notes"`, 1), []byte{})
	f.Add(goodHeader, strings.Replace(goodClaims, `1772366460`, `1e400`, 1), []byte{})
	f.Fuzz(func(t *testing.T, header, claims string, mask []byte) {
		presented := signedBy(fuzzKey(), header, claims, mask)
		session, err := checker.check(t.Context(), presented, fuzzNow)
		requireRefusal(t, session, err)
		if err != nil {
			return
		}
		if presented != signedBy(fuzzKey(), header, claims, nil) {
			t.Fatal("let in with a spoilt signature")
		}
		requireSafeHeader(t, header)
		if session.UserID == "" || session.SessionID == "" || !session.ExpiresAt.After(fuzzNow) || len(presented) > MaxTokenSize {
			t.Errorf("let in, though something is missing or over: %+v", session)
		}
		if !strings.Contains(claims, "notes") || !strings.Contains(claims, "active") {
			t.Errorf("let in without audience or status: %s", claims)
		}
	})
}

// requireRefusal fails unless an error is a refusal with a reason, and comes alone.
func requireRefusal(t *testing.T, session Session, err error) {
	t.Helper()
	if err == nil {
		return
	}
	if _, ok := errors.AsType[*Refusal](err); !ok || session.UserID != "" || session.SessionID != "" {
		t.Errorf("refused with %v and the session %+v", err, session)
	}
}

func requireSafeHeader(t *testing.T, header string) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(header), &members); err != nil {
		t.Fatalf("let in with the header %s: %v", header, err)
	}
	if members["alg"] != "EdDSA" || members["typ"] != tokenType || members["kid"] != "key_1" {
		t.Errorf("let in with the header %s", header)
	}
	for _, name := range refusedHeaders {
		if _, present := members[name]; present {
			t.Errorf("let in with %s in the header", name)
		}
	}
}
