package flow_test

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// untilHeard repeats an answer while the pool is full.
func (tr *trial) untilHeard(ctx context.Context, a flow.Answer) (flow.Progress, error) {
	for {
		p, err := tr.b.w.attempts.Continue(ctx, tr.ticket, a)
		if fault.ReasonOf(err) != typev1.Reason_REASON_OVERLOADED {
			return p, err
		}
	}
}

func TestParallelGuessesComputeNoMoreHashesThanTheBudget(t *testing.T) {
	for name, address := range map[string]string{"somebody's": ada, "nobody's": nobody} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.laptop().enrol(ada, right)
			w.rules.AttemptsPerIdentifier = 100
			const attempts, guesses = 40, 5
			var running sync.WaitGroup
			var checked, refused atomic.Int64
			hashes := w.hashesDuring(func() {
				for range attempts {
					tr := w.stranger().signIn(address)
					for range guesses {
						running.Go(func() {
							_, err := tr.untilHeard(t.Context(), password(wrong))
							switch {
							case err == nil:
								checked.Add(1)
							case fault.ReasonOf(err) == typev1.Reason_REASON_TOO_MANY_FAILURES:
								refused.Add(1)
							default:
								t.Errorf("a guess answered %v", err)
							}
						})
					}
				}
				running.Wait()
			})
			if hashes != w.rules.LockoutFailures || checked.Load() != int64(hashes) || refused.Load() != attempts*guesses-int64(hashes) {
				t.Errorf("%d hashes, %d answers checked, %d refused; the budget is %d", hashes, checked.Load(), refused.Load(), w.rules.LockoutFailures)
			}
			w.clock.advance(w.rules.LockoutWindow)
			expectFared(t, w.stranger().signIn(address).answer(password(wrong)), attempt.Wrong, 4)
		})
	}
}

func TestARefusedGuessSaysWhenToComeBack(t *testing.T) {
	w := newWorld(t)
	w.rules.LockoutFailures = 3
	tr := w.stranger().signIn(ada)
	for range 3 {
		tr.answer(password(wrong))
		w.clock.advance(time.Minute)
	}
	_, err := tr.try(password(wrong))
	if got := fault.RetryAfterOf(err); got != 57*time.Minute {
		t.Errorf("retry in %v; want 57m", got)
	}
	w.clock.advance(57 * time.Minute)
	expectFared(t, w.stranger().signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
}

// TestWhoHangsUpDuringTheHashIsCounted: the result of a hash that was computed is always kept.
func TestWhoHangsUpDuringTheHashIsCounted(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.LockoutFailures = 3
	for range w.rules.LockoutFailures {
		tr := w.stranger().signIn(ada)
		ctx, hangUp := context.WithCancel(t.Context())
		w.kernel.hold(hangUp)
		_, err := w.attempts.Continue(ctx, tr.ticket, password(wrong))
		w.kernel.hold(nil)
		if err != nil && !errors.Is(err, context.Canceled) { // nil when the deadline was faster
			t.Fatalf("error %v; want the caller's own", err)
		}
		if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != 1 {
			t.Errorf("%d failures counted; want 1", a.Wrong)
		}
	}
	_, err := w.stranger().signIn(ada).try(password(right))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
}

func TestARightAnswerStandsThoughItsCallerHungUp(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	ctx, hangUp := context.WithCancel(t.Context())
	w.kernel.hold(hangUp)
	p, err := w.attempts.Continue(ctx, tr.ticket, password(right))
	w.must(err)
	expectStep(t, p, attempt.DeviceVerification, "")
	if a, _ := w.attempt(tr.Attempt.ID); a.Proofs.PasswordAt.IsZero() || a.Wrong != 0 {
		t.Errorf("proved at %v, %d failures", a.Proofs.PasswordAt, a.Wrong)
	}
}

// TestWhoHangsUpBeforeTheHashSpendsNothing: no hash, no failure.
func TestWhoHangsUpBeforeTheHashSpendsNothing(t *testing.T) {
	w := newWorldOf(t, 1)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	busy, release := make(chan struct{}), make(chan struct{})
	w.kernel.hold(func() { close(busy); <-release })
	var running sync.WaitGroup
	running.Go(func() { laptop.signIn(ada).answer(password(right)) })
	<-busy

	tr := w.stranger().signIn(ada)
	ctx, hangUp := context.WithCancel(t.Context())
	w.risk.answers(func(q flow.Question) (flow.Judgement, error) { hangUp(); return byNetwork(q) })
	_, err := w.attempts.Continue(ctx, tr.ticket, password(wrong))
	if !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want the caller's own", err)
	}
	if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != 0 {
		t.Errorf("%d failures counted; want none", a.Wrong)
	}
	w.kernel.hold(nil)
	close(release)
	running.Wait()
}

// hold has a function run within each hash; nil lets them pass.
func (k *kernel) hold(during func()) {
	if during == nil {
		k.during.Store(nil)
		return
	}
	k.during.Store(&during)
}

func TestSuccessFreesTheBudget(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.rules.LockoutFailures = 3
	for range 3 {
		stranger := w.stranger().signIn(ada)
		stranger.answer(password(wrong))
		stranger.answer(password(wrong))
		laptop.enter(ada, right)
	}
}

func TestAnIdentifierHasOneBudgetHoweverItIsWritten(t *testing.T) {
	w := newWorld(t)
	w.rules.LockoutFailures = 3
	for _, written := range []string{ada, "ADA@example.org", "ada@EXAMPLE.ORG"} {
		w.stranger().signIn(written).answer(password(wrong))
	}
	_, err := w.stranger().signIn("Ada@Example.org").try(password(wrong))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
}

func TestEachAuthenticatorHasItsOwnBudget(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.LockoutFailures = 3
	tr := w.stranger().signIn(ada)
	tr.answer(password(right))
	sent := tr.code()
	for range 2 {
		expectFared(t, w.stranger().signIn(ada).answer(password(wrong)), attempt.Wrong, 4)
	}
	expectFared(t, tr.answer(code(otherThan(sent))), attempt.Wrong, 4)
	expectFared(t, tr.answer(code(otherThan(sent))), attempt.Wrong, 3)
	expectStep(t, tr.answer(code(sent)), attempt.Done, "")
}

func TestWrongCodesOfManyAttemptsShareOneBudget(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.LockoutFailures = 3
	var last *trial
	for range 3 {
		last = w.stranger().signIn(ada)
		last.answer(password(right))
		sent := last.code()
		last.answer(code(otherThan(sent)))
	}
	_, err := last.try(code("000000"))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	if a, _ := w.attempt(last.Attempt.ID); a.Wrong != 1 {
		t.Errorf("%d failures of the attempt; an answer that nobody looked at counts for none", a.Wrong)
	}
}

func TestARightCodeFreesTheBudgetOfCodes(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.LockoutFailures = 3
	for range 3 {
		tr := atDeviceVerification(w)
		c := tr.code()
		tr.answer(code(otherThan(c)))
		tr.answer(code(otherThan(c)))
		expectStep(t, tr.answer(code(c)), attempt.Done, "")
	}
}

// otherThan is a code that is certainly wrong.
func otherThan(c string) string {
	if c == "000000" {
		return "000001"
	}
	return "000000"
}
