package flow_test

import (
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

func (b *browser) refresh(token secret.Text) (flow.Tokens, error) {
	return b.w.sessions.Refresh(b.w.t.Context(), b.app, b.client, token)
}

func (b *browser) refreshed(token secret.Text) flow.Tokens {
	b.w.t.Helper()
	tokens, err := b.refresh(token)
	b.w.must(err)
	return tokens
}

func TestARefreshTokenHasASuccessor(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	w.clock.advance(time.Hour)
	rows := w.rowsDuring(func() {
		next := laptop.refreshed(grant.RefreshToken)
		if next.RefreshToken.Equal(grant.RefreshToken) || !next.ExpiresAt.Equal(w.clock.Now().Add(w.rules.SessionTokenLifetime)) {
			t.Errorf("the same token again, or a session token until %v", next.ExpiresAt)
		}
		verified, err := w.sessions.Verify(t.Context(), w.app, next.SessionToken)
		w.must(err)
		if s := w.session(verified.SessionID); s.ID != grant.Session.ID || !s.LastUsedAt.Equal(w.clock.Now()) {
			t.Errorf("session %q, last used at %v", s.ID, s.LastUsedAt)
		}
		laptop.refreshed(next.RefreshToken)
	})
	expectTypes(t, rows)
}

func TestALostAnswerGetsTheSameSuccessorWithinTheGrace(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	first := laptop.refreshed(grant.RefreshToken)
	w.clock.advance(w.rules.RefreshGrace - time.Millisecond)
	again := laptop.refreshed(grant.RefreshToken)
	if !again.RefreshToken.Equal(first.RefreshToken) {
		t.Error("the second answer has another successor")
	}
	laptop.refreshed(again.RefreshToken)
}

func TestParallelRefreshesOfOneTokenGetOneSuccessor(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	var running sync.WaitGroup
	answers := make([]flow.Tokens, 16)
	for i := range answers {
		running.Go(func() {
			var err error
			if answers[i], err = laptop.refresh(grant.RefreshToken); err != nil {
				t.Error(err)
			}
		})
	}
	running.Wait()
	for _, a := range answers {
		if !a.RefreshToken.Equal(answers[0].RefreshToken) {
			t.Fatal("two successors of one token")
		}
	}
	laptop.refreshed(answers[0].RefreshToken)
}

func TestReuseOfARefreshTokenEndsTheSession(t *testing.T) {
	for name, reuse := range map[string]func(*browser, flow.Grant) secret.Text{
		"after the grace": func(b *browser, g flow.Grant) secret.Text {
			b.refreshed(g.RefreshToken)
			b.w.clock.advance(b.w.rules.RefreshGrace)
			return g.RefreshToken
		},
		"once the successor was used": func(b *browser, g flow.Grant) secret.Text {
			b.refreshed(b.refreshed(g.RefreshToken).RefreshToken)
			return g.RefreshToken
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			grant := laptop.enrol(ada, right)
			old := reuse(laptop, grant)
			rows := w.rowsDuring(func() {
				_, err := laptop.refresh(old)
				expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_REUSED)
			})
			expectTypes(t, rows, "revocation.session.v1", "authn.session.revoked.v1")
			row, revoked := decoded(t, rows, "authn.session.revoked.v1", new(eventv1.SessionRevoked))
			if revoked.GetCause() != "refresh_reuse" || row.UserVersion != w.user(grant.Session.UserID).Version {
				t.Errorf("cause %q, version %d", revoked.GetCause(), row.UserVersion)
			}
			// The newest token of the family is void too, and nothing more is told.
			rows = w.rowsDuring(func() {
				_, err := laptop.refresh(old)
				expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
			})
			expectTypes(t, rows)
		})
	}
}

func TestARefreshIsRefusedAndChangesNothing(t *testing.T) {
	for name, change := range map[string]func(*browser, *secret.Text){
		"with another device's secret": func(b *browser, _ *secret.Text) { b.client.DeviceSecret = secret.New("dvs") },
		"without a device secret":      func(b *browser, _ *secret.Text) { b.client.DeviceSecret = secret.Text{} },
		"by another application":       func(b *browser, _ *secret.Text) { b.app = b.w.otherApp },
		"with a made-up token": func(_ *browser, token *secret.Text) {
			text := []byte(token.Reveal())
			text[len(text)-1] ^= 1
			*token = secret.Wrap(string(text))
		},
		"without a token": func(_ *browser, token *secret.Text) { *token = secret.Text{} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			grant := laptop.enrol(ada, right)
			thief, token := *laptop, grant.RefreshToken
			change(&thief, &token)
			before := w.picture(grant.Session.UserID)
			_, err := thief.refresh(token)
			expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_INVALID)
			expectUnchanged(t, before, w.picture(grant.Session.UserID))
			laptop.refreshed(grant.RefreshToken)
		})
	}
}

func TestAReplacedDeviceSecretAtRefreshUntrustsTheDevice(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	copied := *laptop
	laptop.enter(ada, right)
	w.clock.advance(w.rules.DeviceSecretGrace)
	before := w.session(grant.Session.ID)
	_, err := copied.refresh(grant.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_REFRESH_TOKEN_INVALID)
	if w.trusted(grant.Session.DeviceID) {
		t.Error("the device is still trusted")
	}
	if diff := cmp.Diff(before, w.session(grant.Session.ID)); diff != "" {
		t.Errorf("the session changed:\n%s", diff)
	}
}

func TestTheDeviceSecretBeforeIsGoodForItsGrace(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	before := *laptop
	laptop.enter(ada, right)
	w.clock.advance(w.rules.DeviceSecretGrace - time.Second)
	before.refreshed(grant.RefreshToken)
	if !w.trusted(grant.Session.DeviceID) {
		t.Error("the device lost its trust")
	}
}

func TestASessionEndsWithItsLifetimeAndItsTokenWithIt(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	w.clock.advance(w.rules.SessionLifetime - time.Second)
	last := laptop.refreshed(grant.RefreshToken)
	if !last.ExpiresAt.Equal(grant.Session.ExpiresAt) {
		t.Errorf("the token lives until %v; the session ends at %v", last.ExpiresAt, grant.Session.ExpiresAt)
	}
	w.clock.advance(time.Second)
	_, err := laptop.refresh(last.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
}
