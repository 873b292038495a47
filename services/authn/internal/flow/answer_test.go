package flow_test

import (
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

func TestAnAnswerThatDoesntFitTheStepIsRefusedAndCostsNothing(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	for name, a := range map[string]flow.Answer{"code": code("123456"), "new password": newPassword(another), "nothing": {}} {
		t.Run(name, func(t *testing.T) {
			hashes := w.hashesDuring(func() {
				_, err := tr.try(a)
				expectFault(t, err, fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
				if told, _ := fault.As(err); told.Metadata["step"] != "FIRST_FACTOR" {
					t.Errorf("the step is told as %q", told.Metadata["step"])
				}
			})
			if hashes != 0 {
				t.Errorf("%d hashes", hashes)
			}
		})
	}
	expectFault(t, tr.prepare(), fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
	expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
}

func TestWhatCantBeAPasswordIsAWrongOne(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	for name, p := range map[string]string{"1 MiB": strings.Repeat("x", 1<<20), "no text": "\xff\xfe", "one character": "x"} {
		t.Run(name, func(t *testing.T) {
			tr := w.stranger().signIn(ada)
			hashes := w.hashesDuring(func() { expectFared(t, tr.answer(password(p)), attempt.Wrong, 4) })
			if hashes != 1 {
				t.Errorf("%d hashes; want one, as for any other", hashes)
			}
		})
	}
}

func TestParallelWrongPasswordsNeverExceedTheAttemptsLimit(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(100)
	tr := w.stranger().signIn(ada)
	var running sync.WaitGroup
	hashes := w.hashesDuring(func() {
		for range 50 {
			running.Go(func() {
				p, err := tr.untilHeard(t.Context(), password(wrong))
				if err == nil && p.Answer == nil && p.Refusal != attempt.Over || err != nil && fault.ReasonOf(err) != typev1.Reason_REASON_ATTEMPT_NOT_FOUND {
					t.Errorf("step %q, error %v", p.Step, err)
				}
			})
		}
		running.Wait()
	})
	if hashes != w.rules.AttemptAnswers {
		t.Errorf("%d hashes; want %d", hashes, w.rules.AttemptAnswers)
	}
	expectStep(t, tr.answer(password(right)), attempt.Refused, attempt.Over)
}

func TestParallelRightPasswordsGiveOneGrant(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	userID := laptop.enrol(ada, right).Session.UserID
	tr := laptop.signIn(ada)
	var running sync.WaitGroup
	var grants atomic.Int64
	for range 16 {
		running.Go(func() {
			p, err := tr.untilHeard(t.Context(), password(right))
			if err == nil && p.Grant != nil {
				grants.Add(1)
			}
		})
	}
	running.Wait()
	if got := len(w.picture(userID).Sessions); grants.Load() != 1 || got != 2 {
		t.Errorf("%d grants, %d sessions; want 1 grant and the sign-up's session beside its own", grants.Load(), got)
	}
}

func TestAStoppingPoolTurnsAnswersAwayUncounted(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	w.deps.Pool.Close()
	_, err := tr.try(password(right))
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != 0 || fault.RetryAfterOf(err) == 0 {
		t.Errorf("%d failures counted; retry in %v", a.Wrong, fault.RetryAfterOf(err))
	}
}

// TestAWrongPasswordAnswersAtTheDeadlineWhoeverItIsFor: what took how long can't be told from outside.
func TestAWrongPasswordAnswersAtTheDeadlineWhoeverItIsFor(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.cost = 50 * time.Millisecond
	w.deps.Pool = w.pool(cheap, 2)
	w.through(w.store)
	for _, address := range []string{ada, nobody} {
		tr := w.stranger().signIn(address)
		began := time.Now()
		tr.answer(password(wrong))
		if took := time.Since(began); took < w.deps.Pool.Deadline() {
			t.Errorf("%s: answered after %v, before the deadline of %v", address, took, w.deps.Pool.Deadline())
		}
	}
}

// TestWhatFailsBeforeTheHashAnswersAtTheDeadlineToo: a refusal by the lockout, and by risk, which may have read the account's history.
func TestWhatFailsBeforeTheHashAnswersAtTheDeadlineToo(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
	lockedNobody(w)
	w.cost = 50 * time.Millisecond
	w.deps.Pool = w.pool(cheap, 2)
	w.through(w.store)
	for reason, failing := range map[typev1.Reason]func() *trial{
		typev1.Reason_REASON_TOO_MANY_FAILURES: func() *trial { return w.stranger().signIn(nobody) },
		typev1.Reason_REASON_BLOCKED: func() *trial {
			w.risk.answers(says(flow.GateBlock, attempt.Allow))
			return w.stranger().signIn(ada)
		},
	} {
		tr := failing()
		began := time.Now()
		_, err := tr.try(password(wrong))
		if took := time.Since(began); fault.ReasonOf(err) != reason || took < w.deps.Pool.Deadline() {
			t.Errorf("%v: %v after %v, before the deadline of %v", reason, err, took, w.deps.Pool.Deadline())
		}
	}
}

// TestAnAnswerThatComesSecondDoesntReplaceTheFirst: the step is looked at again in the transaction that keeps the proof.
func TestAnAnswerThatComesSecondDoesntReplaceTheFirst(t *testing.T) {
	w := newWorld(t)
	tr := w.laptop().signUp(ada)
	w.kernel.hold(func() {
		w.kernel.hold(nil)
		if _, err := tr.try(newPassword(right)); err != nil {
			t.Error(err)
		}
	})
	_, err := tr.try(newPassword(another))
	expectFault(t, err, fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
	expectStep(t, tr.answer(code(tr.code())), attempt.Done, "")
	w.laptop().enter(ada, right)
}
