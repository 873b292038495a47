package attack_test

import (
	"context"
	"testing"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

const (
	// ownersPause lies between two sign-ins of an owner: a known device has one a second.
	ownersPause = 1200 * time.Millisecond
	// enough failures lock an address out, and enough sign-ups use its codes up; then strangers hear codesUsedUp.
	enough      = 12
	codesUsedUp = "REASON_CODES_EXHAUSTED"
)

// denying has somebody who has the password use up an owner's codes on unknown devices, and a crowd use up those for sign-ups with the address and fail on it until it
// is locked out; the rates for strangers are put out of the way, so that all of it has happened before the owner begins. The owner, on the known device, goes on as if
// nobody were there: every sign-in works with the password alone, sessions are refreshed and verified, and, abroad, a code comes where risk asks for one.
func denying(t *testing.T, s *suite) {
	s.unpace(t)
	s.tightenCodes(t)
	o := s.newOwner(t, "denied")
	idle := newDay(t, o)
	for range 4 {
		idle.spend(t.Context(), t)
	}
	var failed, signedUp, stolen tally
	harass := func(ctx context.Context, n int) {
		if n%2 == 0 {
			failed.add(s.try(ctx, o.email, wrong, s.crowd.next()))
			return
		}
		signedUp.add(s.beginSignUp(ctx, o.email, s.crowd.next()))
	}
	besiege(t.Context(), enough, guessers, 0, func(ctx context.Context, _ int) { stolen.add(s.beginSignIn(ctx, o, s.crowd.next())) })
	besiege(t.Context(), 2*enough, 2*guessers, 0, harass)
	over := lasting(6*time.Second, time.Minute)
	besieged := newDay(t, o)
	during(t, over, func(ctx context.Context) {
		besiege(ctx, 2*crowd(), 2*guessers, over, harass)
	}, func(ctx context.Context) {
		besieged.spend(ctx, t)
		wait(ctx, ownersPause)
	})
	must(t, o.travel(t, "JP"))
	t.Logf("strangers meanwhile: sign-ins: %s; sign-ups: %s; sign-ins with the password: %s", &failed, &signedUp, &stolen)
	t.Logf("the owner's worst sign-in: %v (idle %v; must work each of %d times within %v)",
		besieged.signIns.worst(), idle.signIns.worst(), len(besieged.signIns), answering)
	t.Logf("the owner's worst refresh: %v (idle %v), worst VerifySession: %v (idle %v)",
		besieged.refreshes.worst(), idle.refreshes.worst(), besieged.verifications.worst(), idle.verifications.worst())
	if failed.of("REASON_TOO_MANY_FAILURES") == 0 || signedUp.of(codesUsedUp) == 0 || stolen.of(codesUsedUp) == 0 {
		t.Error("the strangers didn't lock the address out or use its codes up, which shows nothing")
	}
}

// day is what an owner does again and again, and how long it took.
type day struct {
	owner                             *owner
	signIns, refreshes, verifications latencies
}

func newDay(t *testing.T, o *owner) *day {
	t.Helper()
	return &day{owner: o}
}

func (d *day) spend(ctx context.Context, t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answering)
	defer cancel()
	must(t, d.signIns.take(func() error { d.owner.signIn(ctx, t); return nil }))
	must(t, d.refreshes.take(func() error { return d.owner.refresh(ctx) }))
	must(t, d.verifications.take(func() error { return d.owner.verify(ctx) }))
}

// during does something again and again while an attack is on, on the test's own goroutine, and ends both after a time.
func during(t *testing.T, over time.Duration, attack, again func(context.Context)) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), over)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		attack(ctx)
	}()
	defer func() {
		cancel()
		<-ended
	}()
	for ctx.Err() == nil {
		again(ctx)
	}
}

// beginSignUp goes as far as a stranger gets, to the code that is mailed.
func (s *suite) beginSignUp(ctx context.Context, email string, from doorward.From) (*doorward.Attempt, error) {
	return s.beginSignUpWith(ctx, s.client, email, from)
}
