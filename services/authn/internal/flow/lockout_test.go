package flow_test

import (
	"context"
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/breach"
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

func TestParallelGuessesComputeNoMoreHashesThanTheRulesAllow(t *testing.T) {
	for name, address := range map[string]string{"somebody's": ada, "nobody's": nobody} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.laptop().enrol(ada, right)
			w.rules.AttemptsPerIdentifier = 100
			w.lockAfter(10)
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
				t.Errorf("%d hashes, %d answers checked, %d refused; the rules allow %d", hashes, checked.Load(), refused.Load(), w.rules.LockoutFailures)
			}
			w.clock.advance(w.rules.LockoutDuration)
			expectFared(t, w.stranger().signIn(address).answer(password(wrong)), attempt.Wrong, 4)
		})
	}
}

func TestOnlyWhoIsLikelyTheOwnerIsToldWhenToComeBack(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.lockAfter(3)
	proved := w.stranger().signIn(ada)
	proved.answer(password(right))
	sent := proved.code()
	for _, at := range []*browser{w.stranger(), laptop} {
		for range 3 {
			at.signIn(ada).answer(password(wrong))
		}
	}
	for range 3 {
		proved.answer(code(otherThan(sent)))
	}
	w.clock.advance(3 * time.Minute)
	for name, c := range map[string]struct {
		trial  *trial
		answer flow.Answer
		want   time.Duration
	}{
		"a stranger":                   {w.stranger().signIn(ada), password(wrong), 0},
		"a known device":               {laptop.signIn(ada), password(wrong), 57 * time.Minute},
		"who knows the right password": {proved, code(sent), 57 * time.Minute},
		"a stranger for nobody":        {lockedNobody(w), password(wrong), 0},
	} {
		_, err := c.trial.try(c.answer)
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
		if got := fault.RetryAfterOf(err); got != c.want {
			t.Errorf("%s is told %v; want %v", name, got, c.want)
		}
	}
}

// lockedNobody is an attempt for an identifier that belongs to nobody, after as many failures.
func lockedNobody(w *world) *trial {
	for range 3 {
		w.stranger().signIn(nobody).answer(password(wrong))
	}
	return w.stranger().signIn(nobody)
}

func TestStrangersFailuresDontLockOutAKnownDevice(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	for range w.rules.LockoutWaitFrom {
		w.stranger().signIn(ada).answer(password(wrong))
	}
	_, err := w.stranger().signIn(ada).try(password(right))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	laptop.signIn(ada).answer(password(wrong))
	laptop.enter(ada, right)
	_, err = w.stranger().signIn(ada).try(password(right))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	w.clock.advance(w.rules.LockoutFirstWait)
	expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
}

// TestWhoHangsUpDuringTheHashIsCounted: the result of a hash that was computed is always kept.
func TestWhoHangsUpDuringTheHashIsCounted(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
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

func TestARightPasswordEndsTheRow(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.lockAfter(3)
	for range 3 {
		tr := laptop.signIn(ada)
		tr.answer(password(wrong))
		tr.answer(password(wrong))
		laptop.enter(ada, right)
	}
}

func TestAnIdentifierHasOneCountHoweverItIsWritten(t *testing.T) {
	w := newWorld(t)
	w.lockAfter(3)
	for _, written := range []string{ada, "ADA@example.org", "ada@EXAMPLE.ORG"} {
		w.stranger().signIn(written).answer(password(wrong))
	}
	_, err := w.stranger().signIn("Ada@Example.org").try(password(wrong))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
}

func TestEachAuthenticatorHasItsOwnCount(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
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

func TestWrongCodesOfManyAttemptsShareOneCount(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
	var last *trial
	for range 3 {
		last = w.stranger().signIn(ada)
		last.answer(password(right))
		w.nextCode()
		sent := last.code()
		last.answer(code(otherThan(sent)))
	}
	_, err := last.try(code("000000"))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
	if a, _ := w.attempt(last.Attempt.ID); a.Wrong != 1 {
		t.Errorf("%d failures of the attempt; an answer that nobody looked at counts for none", a.Wrong)
	}
}

func TestARightCodeEndsTheRowOfCodes(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
	for range 3 {
		w.nextCode()
		tr := atDeviceVerification(w)
		c := tr.code()
		tr.answer(code(otherThan(c)))
		tr.answer(code(otherThan(c)))
		expectStep(t, tr.answer(code(c)), attempt.Done, "")
	}
}

// TestAnAnswerCountsForWhatItWasThoughItsAttemptIsGone: strangers who push attempts out don't turn right passwords into failures, nor wrong ones into none.
func TestAnAnswerCountsForWhatItWasThoughItsAttemptIsGone(t *testing.T) {
	for name, c := range map[string]struct {
		password string
		next     typev1.Reason
	}{
		"a right one": {right, typev1.Reason_REASON_UNSPECIFIED},
		"a wrong one": {wrong, typev1.Reason_REASON_TOO_MANY_FAILURES},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.laptop().enrol(ada, right)
			w.rules.AttemptsPerIdentifier = 1
			w.lockAfter(1)
			tr := w.stranger().signIn(ada)
			w.kernel.hold(func() { w.stranger().signIn(ada) })
			_, err := tr.try(password(c.password))
			w.kernel.hold(nil)
			expectFault(t, err, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
			_, err = w.stranger().signIn(ada).try(password(right))
			if got := fault.ReasonOf(err); got != c.next {
				t.Errorf("the next right password answers %v, want %v", got, c.next)
			}
		})
	}
}

// TestARightPasswordIsToldThoughItsAttemptIsGone: who pushes out his own attempt while its password is checked is told what a wrong one is, when a wrong
// one is, and the owner hears of it, unless the password would have let them in by itself: then it may be the second press of one who is in.
func TestARightPasswordIsToldThoughItsAttemptIsGone(t *testing.T) {
	const told, failed = "authn.signin.abandoned.v1", "attempt.signin.failed.v1"
	nothing := func(*world) {}
	for name, c := range map[string]struct {
		known    bool
		from     string
		password string
		before   func(*world)
		want     []string
	}{
		"a right one":                         {false, strangerIP, right, nothing, []string{told}},
		"a wrong one":                         {false, strangerIP, wrong, nothing, []string{failed}},
		"a right one on a known device":       {true, homeIP, right, nothing, nil},
		"a wrong one on a known device":       {true, homeIP, wrong, nothing, []string{failed}},
		"on a known device, and risk objects": {true, strangerIP, right, nothing, []string{told}},
		"on a known device, but locked": {true, homeIP, right, func(w *world) {
			_, err := w.users.Lock(w.t.Context(), operator, adas, 0, "asked by phone")
			w.must(err)
		}, []string{told}},
		"on a known device, and breached": {true, homeIP, right, func(w *world) {
			w.deps.Breaches = &sources{found: breach.Result{Verdict: breach.Breached}}
			w.through(w.store)
		}, []string{told}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			b := w.laptop()
			b.enrol(ada, right)
			if !c.known {
				b = w.stranger()
			}
			b.client.IP = c.from
			c.before(w)
			w.rules.AttemptsPerIdentifier = 1
			tr := b.signIn(ada)
			rows := w.rowsDuring(func() {
				w.kernel.hold(func() { b.signIn(ada) })
				_, err := tr.try(password(c.password))
				w.kernel.hold(nil)
				expectFault(t, err, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
			})
			expectTypes(t, rows, c.want...)
			if slices.Contains(c.want, told) {
				_, event := decoded(t, rows, told, new(eventv1.SignInAbandoned))
				if event.GetAttemptId() != tr.Attempt.ID || event.GetIp() != c.from || event.GetPlace().GetCountryCode() == "" {
					t.Errorf("told: %s from %s (%s)", event.GetAttemptId(), event.GetIp(), event.GetPlace().GetCountryCode())
				}
			}
		})
	}
}

// otherThan is a code that is certainly wrong.
func otherThan(c string) string {
	if c == "000000" {
		return "000001"
	}
	return "000000"
}

// lockAfter has every failure from the n-th on cost an hour, on known devices too.
func (w *world) lockAfter(n int) {
	w.rules.LockoutWaitFrom, w.rules.LockoutFirstWait = n, time.Hour
	w.rules.LockoutFailures, w.rules.LockoutDuration = n, time.Hour
}
