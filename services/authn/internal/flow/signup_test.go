package flow_test

import (
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

func TestASignUpForATakenAddressLooksTheSameAndTellsTheOwner(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.nextCode()
	walk := func(address string) (sights []seen, prompt string, m mail, hashes int) {
		hashes = w.hashesDuring(func() {
			tr := w.stranger().signUp(address)
			sights = append(sights, sight(tr.Progress), sight(tr.answer(newPassword(another))))
			p, said, err := w.attempts.Prepare(t.Context(), tr.ticket, attempt.EmailCode)
			w.must(err)
			prompt = strings.TrimPrefix(said.Destination, address[:1])
			mails := w.mails()
			m = mails[len(mails)-1]
			sights = append(sights, sight(p), sight(tr.answer(code(otherThan(m.content.GetCode())))))
		})
		return sights, prompt, m, hashes
	}
	taken, takenPrompt, notice, takenHashes := walk(ada)
	free, freePrompt, sent, freeHashes := walk("eve@example.org")
	if diff := cmp.Diff(free, taken); diff != "" {
		t.Errorf("what is seen (-free +taken):\n%s", diff)
	}
	if takenPrompt != freePrompt || takenHashes != freeHashes {
		t.Errorf("prompt %q and %d hashes; a free address has %q and %d", takenPrompt, takenHashes, freePrompt, freeHashes)
	}
	if len(notice.sealed.GetCiphertext()) != len(sent.sealed.GetCiphertext()) || len(notice.row.Data) != len(sent.row.Data) {
		t.Errorf("a notice of %d bytes; a code's mail has %d", len(notice.row.Data), len(sent.row.Data))
	}
	if notice.content.GetCode() != "" || notice.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN || notice.sealed.GetEmail() != ada {
		t.Errorf("the notice has a code, or is for %v to %q", notice.sealed.GetPurpose(), notice.sealed.GetEmail())
	}
	if sent.content.GetCode() == "" {
		t.Error("the mail for the free address has no code")
	}
}

func TestASignUpForATakenAddressLeadsNowhereEvenWithTheRightGuess(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	w.nextCode()
	tr := w.stranger().signUp("Ada@Example.org")
	tr.answer(newPassword(another))
	w.must(tr.prepare())
	guessed := w.setCode(tr.Attempt.ID)
	before := w.picture(userID)
	expectStep(t, tr.answer(code(guessed)), attempt.Refused, attempt.Over)
	expectUnchanged(t, before, w.picture(userID))
	if _, found := w.attempt(tr.Attempt.ID); found {
		t.Error("the attempt can be tried again")
	}
}

// TestATakenAddressIsntInheritedByASignUpThatBeganBefore: whoever tried it while it was taken doesn't get it once it is free.
func TestATakenAddressIsntInheritedByASignUpThatBeganBefore(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	w.nextCode()
	tr := w.stranger().signUp(ada)
	tr.answer(newPassword(another))
	w.must(tr.prepare())
	w.changeUser(userID, func(u *account.User) { u.Emails[0].RemovedAt = w.clock.Now() })
	expectStep(t, tr.answer(code(w.setCode(tr.Attempt.ID))), attempt.Refused, attempt.Over)
}

// setCode makes a code of an attempt known, as a lucky guess would.
func (w *world) setCode(attemptID string) string {
	w.t.Helper()
	guessed := secret.Code6()
	w.update(func(tx store.Tx) error {
		a, _, err := tx.Attempts.Get(attemptID)
		if err != nil {
			return err
		}
		a.AddCode(a.CodeMAC(w.deps.Secrets.Codes, guessed), w.clock.Now().Add(time.Minute))
		return tx.Attempts.Put(a)
	})
	return guessed.Reveal()
}

func TestOfTwoSignUpsForOneAddressOneWins(t *testing.T) {
	w := newWorld(t)
	var trials []*trial
	var codes []string
	for _, b := range []*browser{w.laptop(), w.stranger()} {
		tr := b.signUp(ada)
		tr.answer(newPassword(right))
		trials, codes = append(trials, tr), append(codes, tr.code())
		w.nextCode()
	}
	var running sync.WaitGroup
	var won, lost atomic.Int64
	for i, tr := range trials {
		running.Go(func() {
			p, err := tr.try(code(codes[i]))
			switch {
			case err != nil:
				t.Error(err)
			case p.Step == attempt.Done:
				won.Add(1)
			case p.Step == attempt.Refused && p.Refusal == attempt.Over && p.Grant == nil:
				lost.Add(1)
			}
		})
	}
	running.Wait()
	if won.Load() != 1 || lost.Load() != 1 {
		t.Errorf("%d won, %d lost; want one of each", won.Load(), lost.Load())
	}
}

func TestSignUpIsGatedBeforeAnythingIsSpent(t *testing.T) {
	for _, tt := range []struct {
		gate   flow.Gate
		kind   fault.Kind
		reason typev1.Reason
	}{
		{flow.GateChallenge, fault.Exhausted, typev1.Reason_REASON_CHALLENGE_REQUIRED},
		{flow.GateBlock, fault.Denied, typev1.Reason_REASON_BLOCKED},
	} {
		t.Run(tt.reason.String(), func(t *testing.T) {
			w := newWorld(t)
			w.rules.ChallengeSignUp = tuning.ChallengeWhenRaised
			w.risk.answers(says(tt.gate, attempt.Allow))
			_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.Text{})
			expectFault(t, err, tt.kind, tt.reason)
			w.view(func(tx store.Tx) error {
				kept, err := tx.Attempts.OfIdentifier(w.deps.Secrets.AccountKey(ada), 10)
				if len(kept) != 0 {
					t.Errorf("%d attempts are kept", len(kept))
				}
				return err
			})
		})
	}
}

func TestRiskIsntToldWhoseAddressASignUpNames(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	asked := len(w.risk.questions())
	w.stranger().signUp(ada)
	w.stranger().signUp(nobody)
	for _, q := range w.risk.questions()[asked:] {
		if q.UserID != "" || q.KnownDevice || q.Purpose != attempt.SignUp {
			t.Errorf("asked about user %q, known %v, for %q", q.UserID, q.KnownDevice, q.Purpose)
		}
	}
}

func TestANewPasswordKeepsTheRules(t *testing.T) {
	w := newWorld(t)
	w.rules.PasswordContextWords = []string{"Acme", "Rockets"}
	tr := w.laptop().signUp(ada)
	for name, c := range map[string]struct {
		password string
		problems []string
	}{
		"14 characters":         {"fourteen chars", []string{"must have at least 15 characters"}},
		"257 characters":        {strings.Repeat("x", 257), []string{"must have at most 256 characters"}},
		"1 MiB":                 {strings.Repeat("x", 1<<20), []string{"must have at most 256 characters"}},
		"no text":               {"\xff\xfe not text, though long enough", []string{"must be valid UTF-8 text"}},
		"a line's end":          {"correct horse\nbattery staple", []string{"must not have characters that can't be seen"}},
		"weak":                  {"passwordpassword", []string{"is too easy to guess", "should not say the same thing", "should not contain a password"}},
		"of the address":        {ada + "\u00a0!", []string{"is too easy to guess", "should not be made of your name"}},
		"of the policy's words": {"AcmeRocketsAcme", []string{"is too easy to guess", "should not be made of your name"}},
	} {
		t.Run(name, func(t *testing.T) {
			hashes := w.hashesDuring(func() {
				_, err := tr.try(newPassword(c.password))
				expectProblems(t, err, c.problems...)
			})
			if hashes != 0 {
				t.Errorf("%d hashes", hashes)
			}
		})
	}
	expectStep(t, tr.answer(newPassword("žlutý kůň úpěl.")), attempt.EmailVerification, "") // 15 characters
}

func TestWhatANewPasswordMustBeIsThePolicys(t *testing.T) {
	w := newWorld(t)
	tr := w.laptop().signUp(ada)
	w.rules.PasswordMinLength, w.rules.PasswordMaxLength = 20, 64
	w.rules.PasswordNeedsUpper, w.rules.PasswordNeedsDigit = true, true
	_, err := tr.try(newPassword("some odd phrase"))
	expectProblems(t, err, "must have at least 20 characters", "must have an upper-case letter", "must have a digit")
	_, err = tr.try(newPassword(strings.Repeat("One odd phrase. ", 5)))
	expectProblems(t, err, "must have at most 64 characters", "must have a digit")
	w.rules.PasswordMinScore = 0
	expectStep(t, tr.answer(newPassword("Passwordpassword1234")), attempt.EmailVerification, "")
}

// The names are in docs/errors.md, which package credential's tests hold to them, and in applications' translations: they stay.
func TestAPasswordsProblemsHaveNamesForPrograms(t *testing.T) {
	w := newWorld(t)
	tr := w.laptop().signUp(ada)
	w.rules.PasswordMinLength, w.rules.PasswordMaxLength = 8, 64
	for refused, want := range map[string][]string{
		"short":                                 {"PASSWORD_TOO_SHORT"},
		strings.Repeat("One odd phrase. ", 5):   {"PASSWORD_TOO_LONG"},
		"not text \xff\xfe here":                {"PASSWORD_NOT_TEXT"},
		"some\u200bthing nobody can see at all": {"PASSWORD_NOT_PRINTABLE"},
		"ada@example":                           {"PASSWORD_TOO_WEAK", "PASSWORD_OWN_WORD"},
		"password1234":                          {"PASSWORD_TOO_WEAK", "PASSWORD_COMMON_PASSWORD"},
		"zxcvfdsaqwer":                          {"PASSWORD_TOO_WEAK", "PASSWORD_KEYBOARD_PATTERN"},
		"abcdefghijkl":                          {"PASSWORD_TOO_WEAK", "PASSWORD_SEQUENCE"},
	} {
		_, err := tr.try(newPassword(refused))
		expectFault(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
		told, _ := fault.As(err)
		var reasons []string
		for _, field := range told.Fields {
			reasons = append(reasons, field.Reason)
		}
		for _, reason := range want {
			if !slices.Contains(reasons, reason) {
				t.Errorf("%q is refused for %v; want %s among them", refused, reasons, reason)
			}
		}
	}
}

// expectProblems wants a refusal with a field for each problem, whose texts begin so.
func expectProblems(t *testing.T, err error, begin ...string) {
	t.Helper()
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
	told, _ := fault.As(err)
	if len(told.Fields) != len(begin) {
		t.Fatalf("fields %v; want %q", told.Fields, begin)
	}
	for i, field := range told.Fields {
		if field.Name != "new_password" || !strings.HasPrefix(field.Problem, begin[i]) {
			t.Errorf("field %v; want new_password: %s …", field, begin[i])
		}
	}
}
