package attack_test

import (
	"context"
	"testing"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

const (
	hashes = "doorward_authn_password_hashes_total"
	// guessers are how many calls at once each address is besieged with.
	guessers = 3
)

// mostGuesses are the guesses that the lockout's defaults look at within a time: five, and one more after each wait.
func mostGuesses(within time.Duration) int {
	const (
		free      = 5 // the fifth costs the first wait
		lockAt    = 10
		firstWait = time.Minute
		lock      = time.Hour
	)
	guesses, pause := free, firstWait
	for within >= pause {
		within -= pause
		guesses++
		pause *= 2
		if guesses >= lockAt {
			pause = lock
		}
	}
	return guesses
}

// guessing tries passwords for an account and for an address that belongs to nobody, each from one address and from a crowd of them, all four at the
// same time. The rates are put out of the way: the lockout must do without them. What is looked at is counted twice: by the answers, and by the hash pool.
func guessing(t *testing.T, s *suite) {
	s.unpace(t)
	lone := s.crowd.next()
	fromOne := func() doorward.From { return lone }
	sieges := []struct {
		what, email string
		from        func() doorward.From
		tally       tally
	}{
		{what: "an account, from one address", email: s.newOwner(t, "guessed").email, from: fromOne},
		{what: "an account, from a crowd", email: s.newOwner(t, "guessed").email, from: s.crowd.next},
		{what: "nobody, from one address", email: unknown("nobody"), from: fromOne},
		{what: "nobody, from a crowd", email: unknown("nobody"), from: s.crowd.next},
	}
	before, began := s.Suite.Metric(hashes), time.Now()
	over := lasting(4*time.Second, 130*time.Second)
	besiege(t.Context(), len(sieges)*crowd(), len(sieges)*guessers, over, func(ctx context.Context, n int) {
		siege := &sieges[n%len(sieges)]
		siege.tally.add(s.try(ctx, siege.email, wrong, siege.from()))
	})
	most := mostGuesses(time.Since(began))
	for i := range sieges {
		siege := &sieges[i]
		looked := siege.tally.of(wrongAnswer)
		t.Logf("guesses looked at, %s: %d of %d (at most %d in %v): %s", siege.what, looked, crowd(), most, time.Since(began).Round(time.Second), &siege.tally)
		if looked > most || siege.tally.granted > 0 {
			t.Errorf("%s: %d guesses were looked at, %d sessions", siege.what, looked, siege.tally.granted)
		}
		if siege.tally.of("REASON_TOO_MANY_FAILURES") == 0 {
			t.Errorf("%s: nobody was locked out, which shows nothing", siege.what)
		}
	}
	tried := int(s.Suite.Metric(hashes) - before)
	t.Logf("passwords hashed for all of them: %d (at most %d)", tried, len(sieges)*most)
	if tried > len(sieges)*most {
		t.Errorf("%d passwords were hashed", tried)
	}
}
