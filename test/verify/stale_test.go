package verify_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/test/testbed"
)

// maxFeedAge is short, so that the tests are; authn's heartbeat comes once a second.
const maxFeedAge = 2 * time.Second

// guarded is authn, somebody's sessions, and two backends that choose differently when nobody can tell whether a session was revoked.
type guarded struct {
	testing.TB
	bed          *testbed.Bed
	toNATS       *testbed.Proxy // authn's way to NATS; the backends have their own
	toAuthn      *testbed.Proxy // the backends' way to authn
	operator     authnv1.SessionServiceClient
	open, closed *verify.Verifier
}

func newGuarded(t *testing.T) *guarded {
	t.Helper()
	g := &guarded{TB: t}
	g.bed = testbed.New(t, func(c *authn.Config) {
		g.toNATS = testbed.StartProxy(t, strings.TrimPrefix(c.NATS.URL, "nats://"))
		c.NATS.URL = "nats://" + g.toNATS.Addr()
	})
	g.toAuthn = testbed.StartProxy(t, g.bed.Addr())
	g.operator = g.bed.Operator()
	guard := func(choice verify.Choice) *verify.Verifier {
		return g.bed.Guard(g.bed.Application(g.toAuthn.Addr()), g.bed.Bus.Feed(), func(c *verify.Config) {
			c.MaxFeedAge, c.OnStale = maxFeedAge, choice
		})
	}
	g.open, g.closed = guard(verify.Open), guard(verify.Closed)
	return g
}

// backends are both.
func (g *guarded) backends() map[verify.Choice]*verify.Verifier {
	return map[verify.Choice]*verify.Verifier{verify.Open: g.open, verify.Closed: g.closed}
}

func (g *guarded) signIn(p *testbed.Person) doorward.Grant {
	g.Helper()
	grant, err := p.SignIn(g.Context())
	if err != nil {
		g.Fatal(err)
	}
	return grant
}

func (g *guarded) revoke(grant doorward.Grant) {
	g.Helper()
	_, err := g.operator.RevokeSession(g.Context(), &authnv1.RevokeSessionRequest{SessionId: grant.SessionID})
	if err != nil {
		g.Fatal(err)
	}
}

// expect checks what both backends say of a session; nil is that they let it in.
func (g *guarded) expect(what string, grant doorward.Grant, want error) {
	g.Helper()
	for choice, backend := range g.backends() {
		g.expectOf(backend, fmt.Sprintf("%s, %v", what, choice), grant, want)
	}
}

func (g *guarded) expectOf(backend *verify.Verifier, what string, grant doorward.Grant, want error) {
	g.Helper()
	if err := ask(g.Context(), backend, grant); !errors.Is(err, want) {
		g.Errorf("%s: %v, want %v", what, err, want)
	}
}

func ask(ctx context.Context, backend *verify.Verifier, grant doorward.Grant) error {
	_, err := backend.Verify(ctx, grant.SessionToken.Reveal())
	return err
}

// awaitFeed waits until both backends think of the feed as told.
func (g *guarded) awaitFeed(fresh bool) {
	g.Helper()
	testbed.Eventually(g, fmt.Sprintf("the feed's freshness is %t", fresh), func() bool {
		return g.open.Stats().FeedFresh == fresh && g.closed.Stats().FeedFresh == fresh
	})
}

// While authn commits revocations and can't publish them, no backend takes its feed for whole: each asks authn, and when authn is gone too,
// does what was chosen for it. What waited in the outbox arrives by itself once the way is free.
func TestStuckOutboxLooksStale(t *testing.T) {
	tests := []struct {
		name      string
		cut, mend func(*guarded)
	}{{
		// The hard one: the backends' connections are well, and the stream is there and silent.
		name: "authn can't reach NATS",
		cut:  func(g *guarded) { g.toNATS.Cut() },
		mend: func(g *guarded) { g.toNATS.Mend() },
	}, {
		name: "NATS is down",
		cut:  func(g *guarded) { g.bed.Bus.Stop() },
		mend: func(g *guarded) { g.bed.Bus.Start() },
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			g := newGuarded(t)
			ada := g.bed.SignUp("ada@example.org")
			stays, ends, endsUnseen := g.signIn(ada), g.signIn(ada), g.signIn(ada)
			g.awaitFeed(true)

			tt.cut(g)
			g.awaitFeed(false)
			for choice, backend := range g.backends() {
				if stats := backend.Stats(); stats.FeedAge <= maxFeedAge || stats.Revoked != 0 {
					t.Errorf("%v: %+v", choice, stats)
				}
			}
			g.revoke(ends)
			g.revoke(endsUnseen)
			g.askAuthn(stays, ends)

			g.toAuthn.Cut()
			g.chooseAlone(stays, ends, endsUnseen)

			tt.mend(g)
			g.awaitFeed(true)
			// A feed that is fresh again has nothing more to wait for.
			g.expect("the revocation that waited", endsUnseen, verify.ErrSessionEnded)
			g.expect("the revocation that authn told", ends, verify.ErrSessionEnded)
			g.expect("a session that stays", stays, nil)
		})
	}
}

// askAuthn is the first way out: authn knows what it couldn't publish.
func (g *guarded) askAuthn(stays, ends doorward.Grant) {
	g.Helper()
	g.expect("a session that stays, asked of authn", stays, nil)
	g.expect("a revoked session, asked of authn", ends, verify.ErrSessionEnded)
	for choice, backend := range g.backends() {
		if stats := backend.Stats(); stats.Asked != 2 || stats.AdmittedStale+stats.RefusedStale != 0 {
			g.Errorf("%v: %+v", choice, stats)
		}
	}
}

// chooseAlone is what is left when authn is gone too. What is known stays known; of the rest nobody can tell.
func (g *guarded) chooseAlone(stays, ends, endsUnseen doorward.Grant) {
	g.Helper()
	g.expect("a session known to be revoked", ends, verify.ErrSessionEnded)
	g.expectOf(g.open, "open, a revocation that it can't know", endsUnseen, nil)
	g.expectOf(g.open, "open, a session that stays", stays, nil)
	g.expectOf(g.closed, "closed, a session it can't know about", endsUnseen, verify.ErrRevocationsStale)
	// authn's word on this one counts for a second more.
	testbed.Eventually(g, "closed refuses a session that stays", func() bool {
		return errors.Is(ask(g.Context(), g.closed, stays), verify.ErrRevocationsStale)
	})
	if admitted, refused := g.open.Stats().AdmittedStale, g.closed.Stats().RefusedStale; admitted == 0 || refused < 2 {
		g.Errorf("admitted %d, refused %d", admitted, refused)
	}
}

// A burst of revocations: all are answered for, each session is refused, and nobody else's is.
func TestParallelRevocationsAreAllRefused(t *testing.T) {
	const sessions = 40 // within the operator's limit
	bed := testbed.New(t)
	bed.Unpaced()
	source, applied := testbed.Watch(bed.Bus.Feed())
	guard := bed.Guard(bed.Application(bed.Addr()), source, func(c *verify.Config) { c.OnStale = verify.Closed })
	ada, operator := bed.SignUp("ada@example.org"), bed.Operator()
	var grants []doorward.Grant
	for range sessions {
		grant, err := ada.SignIn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		grants = append(grants, grant)
	}
	var revoking sync.WaitGroup
	for i := 0; i < sessions; i += 2 { // each second one
		for range 2 { // and twice, as by two operators
			revoking.Go(func() {
				_, err := operator.RevokeSession(t.Context(), &authnv1.RevokeSessionRequest{SessionId: grants[i].SessionID})
				if err != nil {
					t.Error(err)
				}
			})
		}
	}
	revoking.Wait()
	answered := time.Now()
	// The first heartbeat from here on may have been under way already; the second comes after all of them.
	for beats := 0; beats < 2; {
		if testbed.Await(t, applied, "doorward.revocation.heartbeat").At.After(answered) {
			beats++
		}
	}
	for i, grant := range grants {
		want := error(nil)
		if i%2 == 0 {
			want = verify.ErrSessionEnded
		}
		if err := ask(t.Context(), guard, grant); !errors.Is(err, want) {
			t.Errorf("session %d: %v, want %v", i, err, want)
		}
	}
	if stats := guard.Stats(); stats.Revoked != sessions/2 || stats.Asked != 0 {
		t.Errorf("%+v", stats)
	}
}
