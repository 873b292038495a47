package attack_test

import (
	"context"
	"testing"

	doorward "github.com/doorward/doorward/sdk"
)

// signingUpIdly has a crowd of bots sign up that solve no challenge, each from an address of its own. None gets as far as an attempt: no password of theirs
// is hashed, and no code is mailed. One that works gets in, so the door isn't merely shut.
func signingUpIdly(t *testing.T, s *suite) {
	s.unpace(t)
	var idle, working tally
	before := s.Suite.Metric(hashes)
	besiege(t.Context(), crowd(), sprayers, 0, func(ctx context.Context, _ int) {
		idle.add(s.beginSignUpWith(ctx, s.idle, unknown("bot"), s.crowd.next()))
	})
	hashed := int(s.Suite.Metric(hashes) - before)
	working.add(s.beginSignUp(t.Context(), unknown("bot"), s.crowd.next()))
	t.Logf("sign-ups of bots that solve nothing: %d, passwords hashed for them: %d (at most 0): %s; of one that does: %s", crowd(), hashed, &idle, &working)
	turnedAway := idle.of("REASON_CHALLENGE_REQUIRED") + idle.of("REASON_RATE_LIMITED") // bots that do nothing outrun the application's own rate
	if hashed > 0 || turnedAway != crowd() {
		t.Errorf("%d passwords were hashed; %s", hashed, &idle)
	}
	if working.of(mailed) != 1 {
		t.Errorf("who works isn't let in: %s", &working)
	}
}

// beginSignUpWith goes as far as a client gets, to the code that is mailed.
func (s *suite) beginSignUpWith(ctx context.Context, client *doorward.Client, email string, from doorward.From) (*doorward.Attempt, error) {
	a, err := client.SignUp(ctx, email, from)
	if err != nil {
		return nil, err
	}
	if err := patiently(ctx, func() error { return a.NewPassword(ctx, "unlikely enough, "+from.IP.String()) }); err != nil {
		return nil, err
	}
	return a, a.SendCode(ctx)
}
