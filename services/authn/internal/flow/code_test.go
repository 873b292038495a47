package flow_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// atDeviceVerification is a stranger's attempt that waits for the mailed code.
func atDeviceVerification(w *world) *trial {
	w.t.Helper()
	tr := w.stranger().signIn(ada)
	expectStep(w.t, tr.answer(password(right)), attempt.DeviceVerification, "")
	return tr
}

func TestThreeCodesAreGoodAndAFourthVoidsTheOldest(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.AttemptAnswers = 20
	for name, tt := range map[string]struct {
		sent, answered int
		want           attempt.Outcome
	}{
		"the oldest of three": {3, 0, attempt.Accepted},
		"the newest of three": {3, 2, attempt.Accepted},
		"the oldest of four":  {4, 0, attempt.Wrong},
		"the second of four":  {4, 1, attempt.Accepted},
	} {
		t.Run(name, func(t *testing.T) {
			w.clock.advance(24 * time.Hour) // an address's codes are counted by the day
			tr := atDeviceVerification(w)
			var codes []string
			for range tt.sent {
				codes = append(codes, tr.code())
				w.nextCode()
			}
			if p := tr.answer(code(codes[tt.answered])); p.Answer.Outcome != tt.want {
				t.Errorf("the code is %q; want %q", p.Answer.Outcome, tt.want)
			}
		})
	}
}

func TestAnExpiredCodeSaysSo(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := atDeviceVerification(w)
	c := tr.code()
	w.clock.advance(w.rules.CodeLifetime)
	expectFared(t, tr.answer(code(c)), attempt.Expired, 4)
	expectFared(t, tr.answer(code(otherThan(c))), attempt.Wrong, 3)
	expectStep(t, tr.answer(code(tr.code())), attempt.Done, "")
}

func TestACodeIsGoodOnceAndForItsOwnAttempt(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	one, two := atDeviceVerification(w), atDeviceVerification(w)
	c := one.code()
	w.nextCode()
	if c == two.code() {
		t.Fatal("two attempts were sent the same code: one in a million")
	}
	p := two.answer(code(c))
	expectStep(t, p, attempt.DeviceVerification, "")
	expectFared(t, p, attempt.Wrong, 4)
	expectStep(t, one.answer(code(c)), attempt.Done, "")
	_, err := one.try(code(c))
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
}

func TestACodeIsntSentTwiceInAMoment(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := atDeviceVerification(w)
	w.must(tr.prepare())
	w.clock.advance(w.rules.CodeInterval - time.Second)
	rows := w.rowsDuring(func() {
		err := tr.prepare()
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_CODE_TOO_SOON)
		if got := fault.RetryAfterOf(err); got != time.Second {
			t.Errorf("retry in %v; want 1s", got)
		}
	})
	expectTypes(t, rows)
	w.clock.advance(time.Second)
	w.must(tr.prepare())
}

func TestParallelWrongCodesNeverExceedTheAttemptsLimit(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(100)
	tr := atDeviceVerification(w)
	c := tr.code()
	var running sync.WaitGroup
	var checked, over atomic.Int64
	for range 50 {
		running.Go(func() {
			p, err := tr.try(code(otherThan(c)))
			switch {
			case err != nil:
				t.Error(err)
			case p.Answer != nil:
				checked.Add(1)
			case p.Step == attempt.Refused && p.Refusal == attempt.Over:
				over.Add(1)
			}
		})
	}
	running.Wait()
	if checked.Load() != int64(w.rules.AttemptAnswers) || checked.Load()+over.Load() != 50 {
		t.Errorf("%d codes checked, %d refused; want %d of 50", checked.Load(), over.Load(), w.rules.AttemptAnswers)
	}
	expectStep(t, tr.answer(code(c)), attempt.Refused, attempt.Over)
}

func TestTheLastAllowedAnswerMayStillBeRight(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	for left := 4; left > 0; left-- {
		expectFared(t, tr.answer(password(wrong)), attempt.Wrong, left)
	}
	expectStep(t, tr.answer(password(right)), attempt.DeviceVerification, "")
	c := tr.code()
	expectStep(t, tr.answer(code(c)), attempt.Done, "")

	over := w.stranger().signIn(ada)
	for left := 4; left >= 0; left-- {
		expectFared(t, over.answer(password(wrong)), attempt.Wrong, left)
	}
	if hashes := w.hashesDuring(func() { expectStep(t, over.answer(password(right)), attempt.Refused, attempt.Over) }); hashes != 0 {
		t.Errorf("%d hashes for an attempt that is over", hashes)
	}
}

func TestTwoParallelRightCodesGiveOneGrant(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	tr := atDeviceVerification(w)
	c := tr.code()
	var running sync.WaitGroup
	var grants atomic.Int64
	for range 8 {
		running.Go(func() {
			p, err := tr.try(code(c))
			switch {
			case err == nil && p.Grant != nil:
				grants.Add(1)
			case fault.ReasonOf(err) != typev1.Reason_REASON_ATTEMPT_NOT_FOUND:
				t.Errorf("step %q, error %v", p.Step, err)
			}
		})
	}
	running.Wait()
	if got := len(w.picture(userID).Sessions); grants.Load() != 1 || got != 2 {
		t.Errorf("%d grants, %d sessions; want 1 grant and the sign-up's session beside its own", grants.Load(), got)
	}
}

func TestACodeGoesToTheAccountsAddressAndIsShownMasked(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol("Ada.Lovelace@Example.org", right)
	tr := w.stranger().signIn("ada.lovelace@EXAMPLE.org")
	tr.answer(password(right))
	_, prompt, err := w.attempts.Prepare(t.Context(), tr.ticket, attempt.EmailCode)
	w.must(err)
	mails := w.mails()
	if got := mails[len(mails)-1].sealed.GetEmail(); got != "Ada.Lovelace@Example.org" {
		t.Errorf("the code went to %q", got)
	}
	if want := (flow.Prompt{Destination: "A•••@Example.org", ValidFor: w.rules.CodeLifetime, ResendAfter: w.rules.CodeInterval}); prompt != want {
		t.Errorf("prompt %+v; want %+v", prompt, want)
	}
}

func TestNoCodeGoesToAnAddressThatWasRemovedMeanwhile(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	tr := atDeviceVerification(w)
	w.changeUser(userID, func(u *account.User) { u.Emails[0].RemovedAt = w.clock.Now() })
	rows := w.rowsDuring(func() { expectFault(t, tr.prepare(), fault.Internal, typev1.Reason_REASON_INTERNAL) })
	expectTypes(t, rows)
}

// TestWhatAClientClaimsNeverOutgrowsTheMail: free text from headers is bounded, so that padding always fits.
func TestWhatAClientClaimsNeverOutgrowsTheMail(t *testing.T) {
	w := newWorld(t)
	long := w.laptop()
	for range 9 {
		long.client.UserAgent += long.client.UserAgent
		long.client.Language += long.client.Language
	}
	tr := long.signUp(ada)
	tr.answer(newPassword(right))
	m := tr.mailed()
	if m.content.GetCode() == "" || len(m.content.GetPadding()) == 0 {
		t.Error("the mail has no code, or no room for padding")
	}
}

func TestAMailIsBoundToItsRecipientAndExpiry(t *testing.T) {
	w := newWorld(t)
	tr := w.laptop().signUp(ada)
	tr.answer(newPassword(right))
	m := tr.mailed() // opening it proves the binding
	if got := m.sealed.GetExpiresAt().AsTime(); !got.Equal(w.clock.Now().Add(w.rules.CodeLifetime)) {
		t.Errorf("the mail expires at %v", got)
	}
	if m.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_CODE || m.row.Subject != "doorward.mail.send" || m.row.Key != "" {
		t.Errorf("mail for %v on %q, key %q", m.sealed.GetPurpose(), m.row.Subject, m.row.Key)
	}
	w.view(func(tx store.Tx) error {
		a, _, err := tx.Attempts.Get(tr.Attempt.ID)
		if len(a.Codes) != 1 || !a.Codes[0].ExpiresAt.Equal(m.sealed.GetExpiresAt().AsTime()) {
			t.Errorf("kept codes: %+v", a.Codes)
		}
		return err
	})
}
