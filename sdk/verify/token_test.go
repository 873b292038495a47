package verify_test

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/go-cmp/cmp"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/sdk/verify"
)

func TestGoodTokenTellsItsSession(t *testing.T) {
	w := newWorld(t)
	now := w.clock.Now()
	session, err := w.verifier.Verify(t.Context(), w.token("ses_1"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"pwd"}, session.AMR()); diff != "" {
		t.Error(diff)
	}
	if session.UserID != "usr_1" || session.SessionID != "ses_1" || session.DeviceID != "dev_test" ||
		session.ApplicationID != "app_test" || session.Generation != 1 ||
		!session.AuthTime.Equal(now) || !session.ExpiresAt.Equal(now.Add(time.Minute)) || !session.ProvedBy("pwd") {
		t.Errorf("session: %+v", session)
	}
}

func TestCallersCantChangeEachOthersMethods(t *testing.T) {
	w := newWorld(t)
	token := w.token("ses_1")
	first, err := w.verifier.Verify(t.Context(), token)
	if err != nil {
		t.Fatal(err)
	}
	first.AMR()[0] = "otp"
	second, err := w.verifier.Verify(t.Context(), token)
	if err != nil || second.ProvedBy("otp") {
		t.Errorf("the second caller sees %v, %v", second.AMR(), err)
	}
}

// Every way in which a token may be wrong, each changed from a good one in that alone.
func TestBadTokenIsRefused(t *testing.T) {
	w := newWorld(t)
	good := func() jwt.MapClaims { return w.Claims("usr_1", "ses_1") }
	with := func(name string, value any) string {
		claims := good()
		claims[name] = value
		return w.Sign(claims, nil)
	}
	without := func(name string) string {
		claims := good()
		delete(claims, name)
		return w.Sign(claims, nil)
	}
	header := func(name string, value any) string { return w.Sign(good(), map[string]any{name: value}) }
	at := func(d time.Duration) int64 { return w.clock.Now().Add(d).Unix() }
	invalid, expired := typev1.Reason_REASON_SESSION_TOKEN_INVALID, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED
	other := newWorld(t)

	for name, test := range map[string]struct {
		token  string
		reason typev1.Reason
	}{
		"nothing":                 {"", typev1.Reason_REASON_SESSION_TOKEN_MISSING},
		"not a token":             {"hello", invalid},
		"two parts":               {"e30.e30", invalid},
		"four parts":              {w.token("ses_1") + ".e30", invalid},
		"too long":                {with("jti", strings.Repeat("x", verify.MaxTokenSize)), invalid},
		"claims are null":         {raw(`{"alg":"EdDSA","typ":"doorward-session+jwt","kid":"key_1"}`, `null`, "x"), invalid},
		"alg none":                {signedAs(t, good(), jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType), invalid},
		"alg none, other case":    {raw(`{"alg":"nOnE","typ":"doorward-session+jwt","kid":"key_1"}`, `{}`, ""), invalid},
		"HS256 by the public key": {signedAs(t, good(), jwt.SigningMethodHS256, []byte(w.PublicKey())), invalid},
		"no signature":            {w.token("ses_1")[:strings.LastIndex(w.token("ses_1"), ".")+1], invalid},
		"altered claims":          {altered(t, w.token("ses_1"), 1), invalid},
		"altered signature":       {altered(t, w.token("ses_1"), 2), invalid},
		"another's key, our id":   {other.token("ses_1"), invalid},
		"padded base64":           {w.token("ses_1") + "=", invalid},
		"loose base64":            {loose(w.token("ses_1")), invalid},
		"typ JWT":                 {header("typ", "JWT"), invalid},
		"no typ":                  {header("typ", nil), invalid},
		"unknown kid":             {header("kid", "key_9"), invalid},
		"no kid":                  {header("kid", nil), invalid},
		"kid a number":            {header("kid", 1), invalid},
		"jku":                     {header("jku", "https://evil.example/keys"), invalid},
		"jwk":                     {header("jwk", map[string]any{"kty": "OKP"}), invalid},
		"x5u":                     {header("x5u", "https://evil.example/cert"), invalid},
		"x5c":                     {header("x5c", []string{"MII"}), invalid},
		"crit":                    {header("crit", []string{"exp"}), invalid},
		"b64":                     {header("b64", false), invalid},
		"wrong iss":               {with("iss", "https://evil.example"), invalid},
		"iss in another case":     {with("iss", strings.ToUpper(issuer)), invalid},
		"no iss":                  {without("iss"), invalid},
		"wrong aud":               {with("aud", "billing"), invalid},
		"no aud":                  {without("aud"), invalid},
		"empty aud":               {with("aud", []string{}), invalid},
		"no sub":                  {without("sub"), invalid},
		"sub a number":            {with("sub", 7), invalid},
		"no sid":                  {without("sid"), invalid},
		"sts pending":             {with("sts", "pending"), invalid},
		"no sts":                  {without("sts"), invalid},
		"no exp":                  {without("exp"), invalid},
		"no iat":                  {without("iat"), invalid},
		"no nbf":                  {without("nbf"), invalid},
		"exp before iat":          {with("exp", at(-time.Hour)), invalid},
		"nbf in 6 s":              {with("nbf", at(6*time.Second)), invalid},
		"iat in 6 s":              {with("iat", at(6*time.Second)), invalid},
		"nbf in 5 s":              {with("nbf", at(5*time.Second)), none},
		"aud one of several":      {with("aud", []string{"billing", audience}), none},
		"aud a string":            {with("aud", audience), none},
		"unknown claim":           {with("plan", "pro"), none},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := w.verifier.Verify(t.Context(), test.token)
			expectReason(t, err, test.reason)
		})
	}
	t.Run("expired", func(t *testing.T) {
		claims := good()
		claims["iat"], claims["nbf"], claims["exp"] = at(-time.Minute), at(-time.Minute), at(0)
		_, err := w.verifier.Verify(t.Context(), w.Sign(claims, nil))
		expectReason(t, err, expired)
	})
}

// The algorithm is judged before a key is looked up, so that none is ever tried as a key of another kind.
func TestWrongAlgorithmNeverReachesTheKeys(t *testing.T) {
	w := newWorld(t)
	for _, alg := range []string{"none", "HS256", "RS256", "ES256", "PS256", "eddsa", "Ed25519"} {
		token := raw(`{"alg":"`+alg+`","typ":"doorward-session+jwt","kid":"key_9"}`, `{}`, "x")
		_, err := w.verifier.Verify(t.Context(), token)
		expectReason(t, err, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
	}
	if calls, _ := w.Calls(); calls != 1 {
		t.Errorf("the key was looked up: authn was called %d times, want 1", calls)
	}
}

func TestRefusalTellsTheCallerNoCause(t *testing.T) {
	w := newWorld(t)
	claims := w.Claims("usr_1", "ses_1")
	claims["aud"] = "billing"
	_, err := w.verifier.Verify(t.Context(), w.Sign(claims, nil))
	_, wrongType := w.verifier.Verify(t.Context(), w.Sign(w.Claims("usr_1", "ses_1"), map[string]any{"typ": "JWT"}))
	if err == nil || wrongType == nil || !strings.Contains(err.Error(), "audience") {
		t.Fatalf("the log's text: %v; %v", err, wrongType)
	}
	if code := status.Code(verify.ErrTokenInvalid); code != codes.Unauthenticated {
		t.Errorf("code %v", code)
	}
}

func TestTokenEndsAtItsEndThoughRemembered(t *testing.T) {
	w := newWorld(t, func(c *verify.Config) { c.MaxFeedAge = time.Hour })
	token := w.token("ses_1")
	_, err := w.verifier.Verify(t.Context(), token)
	expectReason(t, err, none)
	w.clock.Advance(time.Minute - time.Nanosecond)
	_, err = w.verifier.Verify(t.Context(), token)
	expectReason(t, err, none)
	w.clock.Advance(time.Nanosecond)
	_, err = w.verifier.Verify(t.Context(), token)
	expectReason(t, err, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED)
	if hits := w.verifier.Stats().CacheHits; hits != 2 {
		t.Errorf("%d hits, want 2", hits)
	}
}

func raw(header, claims, signature string) string {
	encode := base64.RawURLEncoding.EncodeToString
	return encode([]byte(header)) + "." + encode([]byte(claims)) + "." + encode([]byte(signature))
}

func signedAs(t *testing.T, claims jwt.MapClaims, method jwt.SigningMethod, key any) string {
	t.Helper()
	token := jwt.NewWithClaims(method, claims)
	token.Header["typ"], token.Header["kid"] = "doorward-session+jwt", "key_1"
	signed, err := token.SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// loose sets a bit of the last character that stands for no bit of the signature.
func loose(token string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(token) - 1
	return token[:last] + string(alphabet[strings.IndexByte(alphabet, token[last])|1])
}

// altered flips one bit in a part of the token.
func altered(t *testing.T, token string, part int) string {
	t.Helper()
	parts := strings.Split(token, ".")
	bytes, err := base64.RawURLEncoding.DecodeString(parts[part])
	if err != nil {
		t.Fatal(err)
	}
	bytes[len(bytes)/2] ^= 1
	parts[part] = base64.RawURLEncoding.EncodeToString(bytes)
	return strings.Join(parts, ".")
}
