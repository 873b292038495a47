package authn_test

import (
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// TestGuessersCantOutrunTheBudget: 1,000 wrong passwords at once on one account, spread over attempts and connections, whose callers come
// back whenever the pool is full, get no more hashes than the five failures in a row that cost no wait.
func TestGuessersCantOutrunTheBudget(t *testing.T) {
	const guessers, attempts, connections, free = 1000, 20, 8, 5
	w := newWorld(t)
	w.unpaced()
	w.unchallenged()
	mails := w.mailbox()
	app := w.application()
	const email = "ada@example.org"
	app.signUp(mails, laptop(), email)

	callers := make([]*caller, connections)
	for i := range callers {
		callers[i] = w.application()
	}
	tries := make([]*try, attempts)
	for i := range tries {
		tries[i] = app.startSignIn(stranger(), email)
	}
	hashes := w.metric("doorward_authn_password_hashes_total")
	var counted sync.Map // how often each reason was answered
	var guesses sync.WaitGroup
	for i := range guessers {
		guesses.Go(func() {
			guess := *tries[i%attempts]
			guess.c = callers[i%connections]
			reason := guess.untilHeard(wrongPassword)
			n, _ := counted.LoadOrStore(reason, new(atomic.Int64))
			n.(*atomic.Int64).Add(1)
		})
	}
	guesses.Wait()

	spent := w.metric("doorward_authn_password_hashes_total") - hashes
	counted.Range(func(reason, n any) bool {
		t.Logf("%v: %d", reason, n.(*atomic.Int64).Load())
		return true
	})
	if spent > free || spent == 0 {
		t.Errorf("%v hashes were computed, want at most %d", spent, free)
	}
	// The count is the identifier's, for the right password too, on every device that isn't known.
	refused(t, app.startSignIn(stranger(), email).password(ownersPassword), fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	w.clock.forward(time.Hour + time.Minute)
	x := app.startSignIn(stranger(), email)
	x.at(authnv1.Step_STEP_DEVICE_VERIFICATION, x.password(ownersPassword))
}

// untilHeard answers again whenever the pool is full, and returns the reason of the last answer.
func (x *try) untilHeard(password string) typev1.Reason {
	for {
		err := x.password(password)
		reason := fault.ReasonOf(err)
		if reason != typev1.Reason_REASON_OVERLOADED {
			if err == nil && x.attempt.GetGrant() != nil {
				x.c.w.Error("a wrong password signs in")
			}
			return reason
		}
		// Spread out, as RetryInfo's readers should.
		pause := time.NewTimer(fault.RetryAfterOf(err) + rand.N(500*time.Millisecond))
		select {
		case <-pause.C:
		case <-x.c.w.Context().Done():
			return reason
		}
	}
}
