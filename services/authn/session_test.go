package authn_test

import (
	"crypto/ed25519"
	"crypto/rand"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/fault"
)

func (c *caller) refresh(on *typev1.ClientContext, token string) (*authnv1.RefreshSessionResponse, error) {
	return c.sessions.RefreshSession(c.w.Context(), &authnv1.RefreshSessionRequest{Client: on, RefreshToken: token})
}

// TestRefreshGivesOneSuccessor: to whoever asks within ten seconds on the same device, however many ask at once.
func TestRefreshGivesOneSuccessor(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	home := laptop()
	grant := app.signUp(w.mailbox(), home, "ada@example.org")

	successors := make(chan string, 16)
	var tabs sync.WaitGroup
	for range cap(successors) {
		tabs.Go(func() {
			r, err := app.refresh(home, grant.GetRefreshToken())
			if err != nil {
				t.Error(err)
			}
			successors <- r.GetRefreshToken()
		})
	}
	tabs.Wait()
	successor := <-successors
	for range cap(successors) - 1 {
		if next := <-successors; next != successor {
			t.Error("two tabs hold different successors")
		}
	}
	w.clock.forward(9 * time.Second)
	again, err := app.refresh(home, grant.GetRefreshToken())
	w.must(err)
	if again.GetRefreshToken() != successor {
		t.Error("within the grace another successor is given")
	}
	w.must(app.verify(again.GetSessionToken()))
}

func TestReusedRefreshTokenEndsTheSession(t *testing.T) {
	w := newWorld(t)
	events := w.nats.events(bus.StreamAuthn)
	app := w.application()
	home := laptop()
	grant := app.signUp(w.mailbox(), home, "ada@example.org")
	next, err := app.refresh(home, grant.GetRefreshToken())
	w.must(err)
	w.clock.forward(11 * time.Second)

	_, err = app.refresh(home, grant.GetRefreshToken())
	refused(t, err, fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_REUSED)
	_, err = app.refresh(home, next.GetRefreshToken())
	refused(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	refused(t, app.verify(next.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	var revoked eventv1.SessionRevoked
	await(t, events, "authn.session.revoked.v1", &revoked)
	if revoked.GetSessionId() != grant.GetSessionId() || revoked.GetCause() != "refresh_reuse" {
		t.Errorf("revoked %s because of %s", revoked.GetSessionId(), revoked.GetCause())
	}
}

func TestRefreshTokenIsWorthNothingElsewhere(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	home := laptop()
	grant := app.signUp(w.mailbox(), home, "ada@example.org")
	made, err := w.operator().applications.CreateApplication(t.Context(), &authnv1.CreateApplicationRequest{Name: "another", Audience: "another"})
	w.must(err)
	key, err := w.operator().applications.CreateApiKey(t.Context(), &authnv1.CreateApiKeyRequest{
		ApplicationId: made.GetApplication().GetId(), Scopes: []authnv1.Scope{authnv1.Scope_SCOPE_SPEAK_FOR_USERS},
	})
	w.must(err)
	other := laptop()
	other.DeviceSecret = "dvs_other"
	parts := strings.Split(grant.GetRefreshToken(), ".")
	tests := map[string]struct {
		c     *caller
		on    *typev1.ClientContext
		token string
	}{
		"without the device's secret": {app, laptop(), grant.GetRefreshToken()},
		"with another device's":       {app, other, grant.GetRefreshToken()},
		"through another application": {w.withKey(key.GetApiKey()), home, grant.GetRefreshToken()},
		"altered":                     {app, home, parts[0] + "." + parts[1] + ".AAAAAAAAAAAAAAAAAAAAAA"},
		"made up":                     {app, home, "rft_" + grant.GetSessionId() + ".A.A"},
		"another thing":               {app, home, grant.GetDeviceSecret()},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := c.c.refresh(c.on, c.token)
			refused(t, err, fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_INVALID)
		})
	}
	_, err = app.refresh(nil, grant.GetRefreshToken())
	refused(t, err, fault.Invalid, typev1.Reason_REASON_CLIENT_CONTEXT_MISSING)
	if _, err := app.refresh(home, grant.GetRefreshToken()); err != nil {
		t.Errorf("none of them used the token up, and yet: %v", err)
	}
}

func TestForgedSessionTokensAreRefused(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	grant := app.signUp(w.mailbox(), laptop(), "ada@example.org")
	genuine := grant.GetSessionToken()
	_, own, err := ed25519.GenerateKey(rand.Reader)
	w.must(err)
	claims := jwt.MapClaims{}
	parsed, _, err := jwt.NewParser().ParseUnverified(genuine, claims)
	w.must(err)

	// forge signs the genuine token's claims in another way.
	forge := func(method jwt.SigningMethod, key any, change func(header map[string]any, claims jwt.MapClaims)) string {
		forged := jwt.NewWithClaims(method, jwt.MapClaims{})
		forged.Header["typ"], forged.Header["kid"] = parsed.Header["typ"], parsed.Header["kid"]
		copied := jwt.MapClaims{}
		for k, v := range claims {
			copied[k] = v
		}
		if change != nil {
			change(forged.Header, copied)
		}
		forged.Claims = copied
		text, err := forged.SignedString(key)
		w.must(err)
		return text
	}
	keys, err := app.keys.GetKeySet(t.Context(), &authnv1.GetKeySetRequest{})
	w.must(err)
	if keys.GetKeys()[0].GetId() != parsed.Header["kid"] || keys.GetIssuer() != w.cfg.Issuer || len(keys.GetKeys()[0].GetX()) != ed25519.PublicKeySize {
		t.Errorf("the key set doesn't fit the token: %v", keys)
	}
	parts := strings.Split(genuine, ".")
	tests := map[string]string{
		"alg none":                           forge(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil),
		"signed with the public key as HMAC": forge(jwt.SigningMethodHS256, keys.GetKeys()[0].GetX(), nil),
		"another's key under our kid":        forge(jwt.SigningMethodEdDSA, own, nil),
		"an unknown kid":                     forge(jwt.SigningMethodEdDSA, own, func(h map[string]any, _ jwt.MapClaims) { h["kid"] = "key_00000000000000000000000000" }),
		"no kid":                             forge(jwt.SigningMethodEdDSA, own, func(h map[string]any, _ jwt.MapClaims) { delete(h, "kid") }),
		"another typ":                        forge(jwt.SigningMethodEdDSA, own, func(h map[string]any, _ jwt.MapClaims) { h["typ"] = "JWT" }),
		"no signature":                       parts[0] + "." + parts[1] + ".",
		"other claims":                       parts[0] + "." + strings.ToUpper(parts[1]) + "." + parts[2],
		"no token":                           "x",
	}
	for name, token := range tests {
		t.Run(name, func(t *testing.T) {
			refused(t, app.verify(token), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
		})
	}
	t.Run("too long a token", func(t *testing.T) {
		refused(t, app.verify(strings.Repeat("x", 4097)), fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	})
	w.must(app.verify(genuine))
	t.Run("expired", func(t *testing.T) {
		w.clock.forward(time.Minute)
		refused(t, app.verify(genuine), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_EXPIRED)
	})
}

// TestTokensOfAnotherIssuerAreRefused, though the same keys signed them.
func TestTokensOfAnotherIssuerAreRefused(t *testing.T) {
	w := newWorld(t)
	grant := w.application().signUp(w.mailbox(), laptop(), "ada@example.org")
	w.stop()
	w.cfg.Issuer = "https://other.example.com"
	w.start()
	refused(t, w.application().verify(grant.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
}

func TestTokensAreVerifiedForTheirOwnAudience(t *testing.T) {
	w := newWorld(t)
	grant := w.application().signUp(w.mailbox(), laptop(), "ada@example.org")
	made, err := w.operator().applications.CreateApplication(t.Context(), &authnv1.CreateApplicationRequest{Name: "another", Audience: "another"})
	w.must(err)
	key, err := w.operator().applications.CreateApiKey(t.Context(), &authnv1.CreateApiKeyRequest{ApplicationId: made.GetApplication().GetId()})
	w.must(err)
	refused(t, w.withKey(key.GetApiKey()).verify(grant.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_TOKEN_INVALID)
	w.must(w.withKey(w.newKey()).verify(grant.GetSessionToken()))
}

func TestRevocationReachesTheFeed(t *testing.T) {
	w := newWorld(t)
	feed := w.nats.feed()
	app := w.application()
	grant := app.signUp(w.mailbox(), laptop(), "ada@example.org")
	w.must(app.verify(grant.GetSessionToken()))
	revoked, err := w.operator().sessions.RevokeSession(t.Context(), &authnv1.RevokeSessionRequest{SessionId: grant.GetSessionId(), Note: "lost"})
	w.must(err)
	if revoked.GetSession().GetEnd() != authnv1.SessionEnd_SESSION_END_REVOKED {
		t.Errorf("the session's end is %v", revoked.GetSession().GetEnd())
	}
	refused(t, app.verify(grant.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	w.eventually("the feed has the revocation", func() bool {
		select {
		case m := <-feed:
			return m.Subject() == "doorward.revocation.session."+grant.GetSessionId()
		default:
			return false
		}
	})
	again, err := w.operator().sessions.RevokeSession(t.Context(), &authnv1.RevokeSessionRequest{SessionId: grant.GetSessionId()})
	w.must(err)
	if !again.GetSession().GetEndedAt().AsTime().Equal(revoked.GetSession().GetEndedAt().AsTime()) {
		t.Error("revoked again, the session has another end")
	}
	_, err = w.operator().sessions.RevokeSession(t.Context(), &authnv1.RevokeSessionRequest{SessionId: "ses_00000000000000000000000000"})
	refused(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}

func TestSessionsAreListedInPages(t *testing.T) {
	w := newWorld(t)
	app := w.application()
	const email = "ada@example.org"
	home := laptop()
	want := []string{app.signUp(w.mailbox(), home, email).GetSessionId()}
	for range 4 {
		w.clock.forward(time.Second)
		x := app.startSignIn(home, email)
		want = append([]string{x.done(x.password(ownersPassword)).GetSessionId()}, want...)
	}
	var got []string
	for token, pages := "", 0; pages == 0 || token != ""; pages++ {
		r, err := w.operator().sessions.ListSessions(t.Context(), &authnv1.ListSessionsRequest{
			User: &authnv1.ListSessionsRequest_Email{Email: email}, PageSize: 2, PageToken: token,
		})
		w.must(err)
		for _, s := range r.GetSessions() {
			got = append(got, s.GetId())
			if s.GetDevice().GetBrowser() != "Firefox 144" || s.GetDevice().GetKind() != typev1.DeviceKind_DEVICE_KIND_DESKTOP || s.GetIp() != home.GetIp() {
				t.Errorf("the session is on %v from %s", s.GetDevice().GetBrowser(), s.GetIp())
			}
		}
		token = r.GetNextPageToken()
	}
	if strings.Join(got, " ") != strings.Join(want, " ") {
		t.Errorf("listed %v, want %v", got, want)
	}
	_, err := w.operator().sessions.ListSessions(t.Context(), &authnv1.ListSessionsRequest{User: &authnv1.ListSessionsRequest_Email{Email: "nobody@example.org"}})
	refused(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}
