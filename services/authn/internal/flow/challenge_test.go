package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// challenges is risk's side of the challenge, where the work is to write "solved" before the salt.
type challenges struct {
	mu               sync.Mutex
	away             error
	issued, redeemed int
	// decisions are those that challenges were made for, in order.
	decisions []string
	// works are how hard each was made, by its salt.
	works map[string]int
	spent map[string]bool
}

var _ flow.Challenges = (*challenges)(nil)

func (c *challenges) Issue(_ context.Context, what flow.Work, difficulty int, decisionID string) (*typev1.Challenge, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away != nil {
		return nil, c.away
	}
	c.issued++
	c.decisions = append(c.decisions, decisionID)
	salt := fmt.Sprintf("%s %d", what, c.issued)
	c.works[salt] = difficulty
	return &typev1.Challenge{Algorithm: "SHA-256", Salt: salt, MaxNumber: int64(difficulty)}, nil
}

func (c *challenges) Redeem(_ context.Context, what flow.Work, least int, solution secret.Text) (bool, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.away != nil {
		return false, c.away
	}
	c.redeemed++
	salt, solved := strings.CutPrefix(solution.Reveal(), "solved ")
	good := solved && strings.HasPrefix(salt, string(what)+" ") && c.works[salt] >= least && !c.spent[salt]
	c.spent[salt] = c.spent[salt] || good
	return good, nil
}

// goAway has risk answer nothing, or come back.
func (c *challenges) goAway(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.away = err
}

// counts are the challenges made and the solutions looked at while something was done.
func (c *challenges) counts(do func()) (issued, redeemed int) {
	c.mu.Lock()
	i, r := c.issued, c.redeemed
	c.mu.Unlock()
	do()
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.issued - i, c.redeemed - r
}

// solution is the solution of the challenge that an error carries.
func solution(t *testing.T, err error) secret.Text {
	t.Helper()
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED)
	asked := fault.ChallengeOf(err)
	if asked == nil {
		t.Fatalf("no challenge comes with %v", err)
	}
	return secret.Wrap("solved " + asked.GetSalt())
}

func TestASignUpIsChallenged(t *testing.T) {
	for _, tt := range []struct {
		when tuning.SignUpChallenge
		gate flow.Gate
		want bool
	}{
		{tuning.ChallengeAlways, flow.GateOpen, true},
		{tuning.ChallengeAlways, flow.GateChallenge, true},
		{tuning.ChallengeWhenRaised, flow.GateOpen, false},
		{tuning.ChallengeWhenRaised, flow.GateChallenge, true},
		{tuning.ChallengeOff, flow.GateOpen, false},
		{tuning.ChallengeOff, flow.GateChallenge, false},
	} {
		t.Run(fmt.Sprintf("%s at gate %d", tt.when, tt.gate), func(t *testing.T) {
			w := newWorld(t)
			w.rules.ChallengeSignUp = tt.when
			w.risk.answers(says(tt.gate, attempt.Allow))
			client := w.laptop().client
			start := func() error {
				_, err := w.attempts.StartSignUp(t.Context(), w.app, client, ada, secret.Text{})
				return err
			}
			issued, redeemed := w.challenges.counts(func() {
				err := start()
				if !tt.want {
					w.must(err)
					return
				}
				client.Solution = solution(t, err)
				w.must(start())
			})
			if want := map[bool]int{true: 1}[tt.want]; issued != want || redeemed != want {
				t.Errorf("%d challenges and %d redemptions, want %d of each", issued, redeemed, want)
			}
			if raised := tt.gate == flow.GateChallenge && tt.when == tuning.ChallengeWhenRaised; tt.want {
				if got, want := w.challenges.decisions[0], map[bool]string{true: "dec_said"}[raised]; got != want {
					t.Errorf("the challenge was made for the decision %q, want %q", got, want)
				}
			}
			if tt.want { // once
				client.Solution = solution(t, start())
				client.Solution = secret.Wrap(strings.Replace(client.Solution.Reveal(), "sign_up", "sign_in", 1))
				solution(t, start()) // for its own purpose
			}
		})
	}
}

func TestRiskJudgesNoSignUpThatItsChallengeStopped(t *testing.T) {
	w := newWorld(t)
	w.rules.ChallengeSignUp = tuning.ChallengeAlways
	asked := len(w.risk.questions())
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.Text{})
	solution(t, err)
	if n := len(w.risk.questions()) - asked; n != 0 {
		t.Errorf("risk counts %d tries of somebody who was sent to solve a challenge", n)
	}
}

func TestASignUpNeverPassesItsChallengeWhileRiskIsAway(t *testing.T) {
	w := newWorld(t)
	w.rules.ChallengeSignUp = tuning.ChallengeAlways
	client := w.laptop().client
	_, err := w.attempts.StartSignUp(t.Context(), w.app, client, ada, secret.Text{})
	w.challenges.goAway(errors.New("no answer"))
	for _, brought := range []secret.Text{{}, solution(t, err)} {
		client.Solution = brought
		_, err := w.attempts.StartSignUp(t.Context(), w.app, client, ada, secret.Text{})
		expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
		if fault.RetryAfterOf(err) <= 0 {
			t.Error("nobody says when to try again")
		}
	}
}

func TestASolvedChallengeOpensTheGateOfASignIn(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.risk.answers(says(flow.GateChallenge, attempt.Allow))
	for _, address := range []string{ada, nobody} {
		tr := w.stranger().signIn(address)
		_, err := tr.try(password(wrong))
		tr.ticket.Client.Solution = solution(t, err)
		if made := w.challenges.decisions; made[len(made)-1] != "dec_said" { // for risk to take the try back
			t.Errorf("%s: the challenge was made for the decision %q", address, made[len(made)-1])
		}
		hashes := w.hashesDuring(func() { expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4) })
		if hashes != 1 {
			t.Errorf("%s: %d hashes for a solved challenge", address, hashes)
		}
		_, err = tr.try(password(wrong)) // with the same solution
		solution(t, err)
	}
}

func TestAnswersPastTheBudgetCostStrangersAChallenge(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.rules.LockoutWaitFrom, w.rules.ChallengeAfterFailures = 5, 3
	for _, address := range []string{ada, nobody} {
		tr := w.stranger().signIn(address)
		for left := 4; left >= 2; left-- {
			expectFared(t, tr.answer(password(wrong)), attempt.Wrong, left)
		}
		hashes := w.hashesDuring(func() {
			for range 20 {
				_, err := tr.try(password(wrong))
				solution(t, err)
			}
		})
		if hashes != 0 {
			t.Errorf("%s: %d hashes without a solution", address, hashes)
		}
		// Who was sent away has used up nothing: there are as many answers left as before.
		_, err := tr.try(password(wrong))
		tr.ticket.Client.Solution = solution(t, err)
		expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 1)
	}
	// The owner's device has a row of its own.
	issued, _ := w.challenges.counts(func() { laptop.enter(ada, right) })
	if issued != 0 {
		t.Error("a known device was asked for a challenge")
	}
	// Time forgives, as it does the waits.
	w.clock.advance(w.rules.LockoutDecay)
	expectFared(t, w.stranger().signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
}

func TestNoSolutionIsUsedUpForAnAnswerThatTheCountRefuses(t *testing.T) {
	w := newWorld(t)
	w.rules.LockoutWaitFrom, w.rules.ChallengeAfterFailures = 3, 3
	tr := w.stranger().signIn(nobody)
	for left := 4; left >= 2; left-- {
		expectFared(t, tr.answer(password(wrong)), attempt.Wrong, left)
	}
	issued, redeemed := w.challenges.counts(func() {
		_, err := tr.try(password(wrong))
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	})
	if issued+redeemed != 0 {
		t.Errorf("%d challenges and %d redemptions", issued, redeemed)
	}
	w.clock.advance(w.rules.LockoutFirstWait)
	_, err := tr.try(password(wrong))
	tr.ticket.Client.Solution = solution(t, err)
	expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 1)
}

func TestCodesPastTheBudgetCostStrangersAChallenge(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.LockoutWaitFrom, w.rules.ChallengeAfterFailures = 5, 2
	tr := w.stranger().signIn(ada)
	tr.answer(password(right))
	w.must(tr.prepare())
	for left := 4; left >= 3; left-- {
		expectFared(t, tr.answer(code("000000")), attempt.Wrong, left)
	}
	_, err := tr.try(code("000000"))
	tr.ticket.Client.Solution = solution(t, err)
	expectFared(t, tr.answer(code("000000")), attempt.Wrong, 2)
}

func TestUnderLoadStrangersMustSolveAChallengeBeforeAHashIsSpent(t *testing.T) {
	w := newWorldOf(t, 2) // three places in a lane
	laptop := w.laptop()
	laptop.enrol(ada, right)
	known, signUp := laptop.signIn(ada), w.stranger().signUp("new@example.org")
	tries := map[string]*trial{ada: w.stranger().signIn(ada), nobody: w.stranger().signIn(nobody)}
	w.rules.ChallengeUnderLoad = true
	leave := w.take(2)
	for address, tr := range tries {
		hashes := w.hashesDuring(func() {
			for range 10 {
				_, err := tr.try(password(wrong))
				solution(t, err)
			}
		})
		if hashes != 0 {
			t.Errorf("%s: %d hashes without a solution", address, hashes)
		}
		_, err := tr.try(password(wrong))
		tr.ticket.Client.Solution = solution(t, err)
		expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
	}
	_, err := signUp.try(newPassword(another))
	solution(t, err)
	expectStep(t, known.answer(password(right)), attempt.Done, "")
	leave()
	expectFared(t, w.stranger().signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
}

func TestWhereNoPlaceIsToBeHadASolutionIsNotUsedUp(t *testing.T) {
	w := newWorldOf(t, 2)
	tr := w.stranger().signIn(nobody)
	w.rules.ChallengeUnderLoad = true
	leave := w.take(2)
	_, err := tr.try(password(wrong))
	tr.ticket.Client.Solution = solution(t, err)
	leaveFull := w.take(1)
	_, redeemed := w.challenges.counts(func() {
		_, err := tr.try(password(wrong))
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_OVERLOADED)
	})
	if redeemed != 0 {
		t.Error("the solution was used up for nothing")
	}
	leaveFull()
	expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
	leave()
}

func TestUnderLoadNobodyPassesWhileRiskIsAway(t *testing.T) {
	w := newWorldOf(t, 2)
	tr := w.stranger().signIn(nobody)
	w.challenges.goAway(errors.New("no answer"))
	w.rules.ChallengeUnderLoad = true
	defer w.take(2)()
	hashes := w.hashesDuring(func() {
		_, err := tr.try(password(wrong))
		expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	})
	if hashes != 0 {
		t.Errorf("%d hashes", hashes)
	}
}

func TestASolutionIsNotUsedUpWhileNoneIsDue(t *testing.T) {
	w := newWorld(t)
	w.rules.ChallengeSignUp = tuning.ChallengeAlways
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.Text{})
	w.rules.ChallengeSignUp = tuning.ChallengeOff
	stranger := w.stranger()
	stranger.client.Solution = solution(t, err)
	_, redeemed := w.challenges.counts(func() { stranger.signIn(nobody).answer(password(wrong)) })
	if redeemed != 0 {
		t.Errorf("%d redemptions", redeemed)
	}
}

// take takes places of the strangers' lane until they are left again.
func (w *world) take(places int) (leave func()) {
	w.t.Helper()
	var taken []*credential.Ticket
	for range places {
		ticket, err := w.deps.Pool.Begin(credential.Stranger)
		w.must(err)
		taken = append(taken, ticket)
	}
	return func() {
		for _, ticket := range taken {
			ticket.Release()
		}
	}
}
