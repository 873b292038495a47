package verify_test

import (
	"errors"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/testbed"
)

// A signing key is stolen, and an operator replaces the keys. A guarded backend refuses what the old key signed, from the cache as well, without
// asking authn, and lets the same session in with its next token at once.
func TestReplacedSigningKeysAreRefusedByBackends(t *testing.T) {
	bed := testbed.New(t)
	source, applied := testbed.Watch(bed.Bus.Feed())
	guard := bed.Guard(bed.Application(bed.Addr()), source, func(c *verify.Config) { c.OnStale = verify.Closed })
	ada, operator := bed.SignUp("ada@example.org"), bed.KeyOperator()
	remembered, unseen := signIn(t, ada), signIn(t, ada)
	expectVerdict(t, guard, remembered.SessionToken, nil)

	began := time.Now()
	replaced, err := operator.ReplaceSigningKeys(t.Context(), &authnv1.ReplaceSigningKeysRequest{Note: "stolen"})
	if err != nil {
		t.Fatal(err)
	}
	answered := time.Now()
	for _, keyID := range replaced.GetRevokedKeyIds() {
		arrival := testbed.Await(t, applied, "doorward.revocation.signing_key."+keyID)
		t.Logf("the backend refuses %v after the call and %v after its answer", arrival.At.Sub(began), arrival.At.Sub(answered))
	}
	expectVerdict(t, guard, remembered.SessionToken, verify.ErrTokenExpired)
	expectVerdict(t, guard, unseen.SessionToken, verify.ErrTokenExpired)
	for _, grant := range []doorward.Grant{remembered, unseen} {
		next, err := ada.Refresh(t.Context(), grant.RefreshToken)
		if err != nil {
			t.Fatal(err)
		}
		expectVerdict(t, guard, next.SessionToken, nil)
	}
	if stats := guard.Stats(); stats.Asked != 0 || stats.Revoked != 0 || stats.RevokedKeys != 1 {
		t.Errorf("%+v", stats)
	}
}

// The same while authn can't reach NATS: backends ask authn, which refuses the token and not the session.
func TestReplacedSigningKeysAreRefusedWhileTheFeedIsStale(t *testing.T) {
	g := newGuarded(t)
	ada, operator := g.bed.SignUp("ada@example.org"), g.bed.KeyOperator()
	grant := g.signIn(ada)
	g.awaitFeed(true)
	g.expect("before", grant, nil)
	g.toNATS.Cut()
	g.awaitFeed(false)
	replaced, err := operator.ReplaceSigningKeys(t.Context(), &authnv1.ReplaceSigningKeysRequest{Note: "stolen"})
	if err != nil {
		t.Fatal(err)
	}
	g.expect("asked of authn", grant, verify.ErrTokenExpired)
	next, err := ada.Refresh(t.Context(), grant.RefreshToken)
	if err != nil {
		t.Fatal(err)
	}
	for choice, backend := range g.backends() {
		if _, err := backend.Verify(t.Context(), next.SessionToken.Reveal()); err != nil {
			t.Errorf("the next token, %v: %v", choice, err)
		}
	}
	g.toNATS.Mend()
	testbed.Eventually(t, "the backends have heard of it", func() bool {
		return g.open.Stats().RevokedKeys == len(replaced.GetRevokedKeyIds()) && g.closed.Stats().RevokedKeys == len(replaced.GetRevokedKeyIds())
	})
	g.awaitFeed(true)
	g.expect("heard from the feed", grant, verify.ErrTokenExpired)
}

func signIn(t *testing.T, p *testbed.Person) doorward.Grant {
	t.Helper()
	grant, err := p.SignIn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return grant
}

func expectVerdict(t *testing.T, backend *verify.Verifier, token doorward.Secret, want error) {
	t.Helper()
	if _, err := backend.Verify(t.Context(), token.Reveal()); !errors.Is(err, want) {
		t.Errorf("%v, want %v", err, want)
	}
}
