package attack_test

import (
	"context"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

const (
	// forgiven is how many failures risk lets an address have in its window before it asks for a challenge.
	forgiven   = 30
	riskWindow = 10 * time.Minute
	// sprayers are how many try at once: enough to keep the hash pool's strangers' lane full while others wait for their answer.
	sprayers = 12
)

// sprayingFromOne tries one password on a crowd of accounts from one address. risk's gate stops it, before any hash: it lets past who solves a challenge for
// each password, and these don't. The challenge under load is put out of the way, for it would stop them sooner.
func sprayingFromOne(t *testing.T, s *suite) {
	s.unpace(t)
	s.tune(t, func(p *authnv1.Policy) { p.ChallengeUnderLoad = false })
	from := s.crowd.next()
	var heard tally
	before, began := s.Suite.Metric(hashes), time.Now()
	besiege(t.Context(), crowd(), sprayers, 0, func(ctx context.Context, _ int) {
		heard.add(s.tryWith(ctx, s.idle, unknown("sprayed"), wrong, from))
	})
	most := forgiven * (1 + int(time.Since(began)/riskWindow))
	tried := int(s.Suite.Metric(hashes) - before)
	t.Logf("accounts on which a password sprayed from one address was tried: %d of %d (at most %d in 10 min): %s", tried, crowd(), most, &heard)
	if tried > most {
		t.Errorf("%d passwords were hashed", tried)
	}
	if heard.of("REASON_CHALLENGE_REQUIRED")+heard.of("REASON_BLOCKED") == 0 {
		t.Error("the gate stayed open")
	}
}

// sprayingFromMany tries one password on a crowd of accounts, each from an address of its own, and one has it. No counter of an address or account sees
// that: what bounds it is the strangers' lane of the hash pool, and what stops it is that the right password is no session.
func sprayingFromMany(t *testing.T, s *suite) {
	s.unpace(t)
	victim := s.newOwner(t, "sprayed")
	var heard tally
	began := time.Now()
	besiege(t.Context(), hashed(), sprayers, 0, func(ctx context.Context, n int) {
		email := unknown("sprayed")
		if n == 0 {
			email = victim.email
		}
		heard.add(s.try(ctx, email, victim.password, s.crowd.next()))
	})
	took := time.Since(began)
	t.Logf("accounts on which a password sprayed from many addresses was tried: %d in %v, %.1f/s (as the hash pool bears): %s",
		hashed(), took.Round(time.Millisecond), float64(hashed())/took.Seconds(), &heard)
	t.Logf("sessions of the password that was right: %d (at most 0)", heard.granted)
	if heard.granted > 0 || heard.of("STEP_DEVICE_VERIFICATION") != 1 {
		t.Errorf("%d sessions; the right password led to: %s", heard.granted, &heard)
	}
}
