package flow_test

import (
	"sync"
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/userimport"
)

// learnable is a row whose password keeps today's rules and is known from no breach.
func (w *world) learnable(address string) userimport.Row {
	w.t.Helper()
	return userimport.Row{Email: address, EmailVerified: true, Password: w.stored(right)}
}

// stored is a password's form under the kernel of these tests.
func (w *world) stored(password string) credential.PHC {
	w.t.Helper()
	userID := w.laptop().enrol("form@example.org", password).Session.UserID
	return credential.WrapPHC(w.user(userID).Password.PHC)
}

// changed is a change of the account before the sign-in.
func changed(change func(u *account.User, now time.Time)) func(*world, string) {
	return func(w *world, userID string) {
		w.changeUser(userID, func(u *account.User) { change(u, w.clock.Now()) })
	}
}

func TestTheFirstSignInOfAnImportedAccountMakesItsDeviceKnown(t *testing.T) {
	w := newWorldOf(t, 2)
	userID := w.imports(flow.Import{LearningWindow: 14 * 24 * time.Hour}, w.learnable(ada))[0].UserID
	laptop := w.laptop()
	w.clock.advance(13 * 24 * time.Hour)
	var p flow.Progress
	rows := w.rowsDuring(func() { p = laptop.signIn(ada).answer(password(right)) })
	expectStep(t, p, attempt.Done, "")
	expectTypes(t, rows, "authn.signin.succeeded.v1") // no code was mailed, and nobody is alerted
	_, event := decoded(t, rows, "authn.signin.succeeded.v1", new(eventv1.SignInSucceeded))
	if !event.GetLearned() || event.GetKnownDevice() {
		t.Errorf("the event says learned = %t, known = %t", event.GetLearned(), event.GetKnownDevice())
	}
	if !w.trusted(p.Grant.Session.DeviceID) || !w.user(userID).Import.LearnUntil.IsZero() {
		t.Error("the device isn't known, or the window is still open")
	}
	expectStep(t, w.laptop().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
}

// TestNothingIsLearnedWhereAnythingSpeaksAgainstIt: then the right password is asked for a code, or refused, as everybody's is; and the window is over, for a
// right password has shown that somebody has it.
func TestNothingIsLearnedWhereAnythingSpeaksAgainstIt(t *testing.T) {
	const window = 14 * 24 * time.Hour
	for name, c := range map[string]struct {
		before func(w *world, userID string)
		row    func(*userimport.Row)
		window time.Duration
		step   attempt.Step
	}{
		"no window":           {window: 0},
		"the window is over":  {window: window, before: func(w *world, _ string) { w.clock.advance(window) }},
		"the policy cut it":   {window: window, before: func(w *world, _ string) { w.rules.LearningWindowMax = time.Hour; w.clock.advance(time.Hour) }},
		"the policy ended it": {window: window, before: func(w *world, _ string) { w.rules.LearningWindowMax = 0 }},
		"a clock set back":    {window: window, before: func(w *world, _ string) { w.clock.advance(-time.Hour) }},
		"an unproved address": {window: window, row: func(r *userimport.Row) { r.EmailVerified = false }},
		"risk asks for more":  {window: window, before: func(w *world, _ string) { w.risk.answers(says(flow.GateOpen, attempt.VerifyDevice)) }},
		"risk refuses":        {window: window, before: func(w *world, _ string) { w.risk.answers(says(flow.GateOpen, attempt.Refuse)) }, step: attempt.Refused},
		"risk doesn't answer": {window: window, before: func(w *world, _ string) { w.risk.answers(down) }},
		"somebody failed":     {window: window, before: func(w *world, _ string) { w.stranger().signIn(ada).answer(password(wrong)) }},
		"an operator's lock":  {window: window, before: changed(func(u *account.User, now time.Time) { u.LockFor(0, now) }), step: attempt.Refused},
		"a compromised one":   {window: window, before: changed(func(u *account.User, now time.Time) { u.MarkCompromised(now) })},
		"a contained one":     {window: window, before: changed(func(u *account.User, now time.Time) { u.Password.ContainedAt = now }), step: attempt.Refused},
		"a device was there": {window: window, before: func(w *world, userID string) {
			w.update(func(tx store.Tx) error {
				return tx.Devices.Put(device.Device{ID: "dev_before", UserID: userID, UntrustedAt: w.clock.Now()})
			})
		}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, 2)
			row := w.learnable(ada)
			if c.row != nil {
				c.row(&row)
			}
			userID := w.imports(flow.Import{LearningWindow: c.window}, row)[0].UserID
			if c.before != nil {
				c.before(w, userID)
			}
			step := c.step
			if step == "" {
				step = attempt.DeviceVerification
			}
			p := w.laptop().signIn(ada).answer(password(right))
			if p.Step != step {
				t.Errorf("the step is %s, want %s", p.Step, step)
			}
			if !w.user(userID).Import.LearnUntil.IsZero() {
				t.Error("the window is still open")
			}
		})
	}
}

// TestALuckyGuesserLearnsNothingByComingBack: a guesser's right password comes after wrong ones, and ends their row. The second time nothing would speak
// against it any more, but the window is over.
func TestALuckyGuesserLearnsNothingByComingBack(t *testing.T) {
	w := newWorldOf(t, 2)
	w.risk.answers(says(flow.GateOpen, attempt.Allow))
	w.imports(flow.Import{LearningWindow: time.Hour}, w.learnable(ada))
	w.stranger().signIn(ada).answer(password(wrong))
	for range 2 {
		expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
	}
}

// TestARightPasswordThatLedNowhereClosesTheWindow: it ended the guesser's row, or can be tried again once that is forgotten.
func TestARightPasswordThatLedNowhereClosesTheWindow(t *testing.T) {
	for name, nowhere := range map[string]func(*world){
		"its attempt was pushed out meanwhile": func(w *world) {
			w.rules.AttemptsPerIdentifier = 1
			tr := w.stranger().signIn(ada)
			w.kernel.hold(func() {
				w.kernel.hold(nil)
				w.stranger().signIn(ada)
			})
			_, err := tr.try(password(right))
			expectFault(w.t, err, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
		},
		"it couldn't be looked up": func(w *world) {
			from := &sources{found: failed()}
			w.refusesUnknown(from)
			_, err := w.stranger().signIn(ada).try(password(right))
			expectFault(w.t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
			from.found = breach.Result{Verdict: breach.Clean}
			w.clock.advance(24*time.Hour + time.Minute)
			w.must(w.sweeper.Sweep(w.t.Context()))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorldOf(t, 2)
			w.risk.answers(says(flow.GateOpen, attempt.Allow))
			userID := w.imports(flow.Import{LearningWindow: 14 * 24 * time.Hour}, w.learnable(ada))[0].UserID
			w.stranger().signIn(ada).answer(password(wrong))
			nowhere(w)
			if !w.user(userID).Import.LearnUntil.IsZero() {
				t.Error("the window is still open")
			}
			expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
		})
	}
}

func TestABreachedPasswordIsReplacedInALearningWindowToo(t *testing.T) {
	w := newWorldOf(t, 2)
	row := userimport.Row{Email: ada, EmailVerified: true, Password: credential.WrapPHC("$pbkdf2$4096$c2FsdA$SwB5AbdlSJq.rUnZJvch0GWkKcE")} // of "password"
	w.imports(flow.Import{LearningWindow: time.Hour}, row)
	tr := w.laptop().signIn(ada)
	expectStep(t, tr.answer(password("password")), attempt.DeviceVerification, "")
	expectStep(t, tr.answer(code(tr.code())), attempt.NewPassword, "")
}

// TestAFailureIsForgottenAfterAQuietDay, here as in the lockout: who guesses once a day has a clean try each day, which docs/import.md says.
func TestAFailureIsForgottenAfterAQuietDay(t *testing.T) {
	w := newWorldOf(t, 2)
	w.risk.answers(says(flow.GateOpen, attempt.Allow))
	w.imports(flow.Import{LearningWindow: 14 * 24 * time.Hour}, w.learnable(ada))
	w.stranger().signIn(ada).answer(password(wrong))
	w.clock.advance(24*time.Hour + time.Minute)
	w.must(w.sweeper.Sweep(t.Context()))
	expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.Done, "")
}

// TestOfManyRightPasswordsAtOnceAtMostOneIsLearnedFrom: each sees that others are being tried.
func TestOfManyRightPasswordsAtOnceAtMostOneIsLearnedFrom(t *testing.T) {
	w := newWorldOf(t, 4)
	w.risk.answers(says(flow.GateOpen, attempt.Allow))
	w.imports(flow.Import{LearningWindow: 14 * 24 * time.Hour}, w.learnable(ada))
	trials := make([]*trial, w.rules.AttemptsPerIdentifier)
	for i := range trials {
		trials[i] = w.laptop().signIn(ada)
	}
	ends := make([]flow.Progress, len(trials))
	errs := make([]error, len(trials))
	var all sync.WaitGroup
	for i, tr := range trials {
		all.Go(func() { ends[i], errs[i] = tr.try(password(right)) })
	}
	all.Wait()
	learned := 0
	for i, p := range ends {
		reason := fault.ReasonOf(errs[i])
		switch {
		case reason == typev1.Reason_REASON_TOO_MANY_FAILURES, reason == typev1.Reason_REASON_OVERLOADED:
		case errs[i] != nil:
			t.Error(errs[i])
		case p.Step == attempt.Done:
			learned++
		default:
			expectStep(t, p, attempt.DeviceVerification, "")
		}
	}
	if learned > 1 {
		t.Errorf("%d devices were made known by the password alone", learned)
	}
}
