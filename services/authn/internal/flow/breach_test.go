package flow_test

import (
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breach/corpus"
	"github.com/doorward/doorward/internal/breach/pwned"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
)

// leaked is a password that no rule is against, and that a corpus and a range API know.
const leaked = "a strange phrase that leaked elsewhere"

func sha1Of(password string) string {
	return fmt.Sprintf("%X", sha1.Sum([]byte(password))) //nolint:gosec // see the import
}

// corpusOf is a real corpus on disk that knows passwords.
func (w *world) corpusOf(passwords ...string) *corpus.Corpus {
	w.t.Helper()
	lines, out := filepath.Join(w.t.TempDir(), "hashes.txt"), filepath.Join(w.t.TempDir(), "corpus.fuse")
	var text strings.Builder
	for _, p := range passwords {
		text.WriteString(sha1Of(p) + ":3\n")
	}
	w.must(os.WriteFile(lines, []byte(text.String()), 0o600))
	_, err := corpus.Build(w.t.Context(), corpus.BuildConfig{From: []string{lines}, Out: out, MinCount: 1, Now: w.clock.Now})
	w.must(err)
	opened, err := corpus.Open(out)
	w.must(err)
	w.t.Cleanup(func() { w.must(opened.Close()) })
	return opened
}

// rangeAPI is a range API over HTTP that knows the leaked password, and counts its calls.
type rangeAPI struct {
	*pwned.Client
	calls  atomic.Int64
	fails  atomic.Bool
	during atomic.Pointer[func()]
}

func (w *world) rangeAPI() *rangeAPI {
	w.t.Helper()
	api := &rangeAPI{}
	server := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, asked *http.Request) {
		api.calls.Add(1)
		if during := api.during.Load(); during != nil {
			(*during)()
		}
		digits := sha1Of(leaked)
		switch {
		case api.fails.Load():
			http.Error(answer, "out of order", http.StatusServiceUnavailable)
		case asked.URL.Path == "/range/"+digits[:5]:
			fmt.Fprintf(answer, "%s:7\r\n", digits[5:])
		default:
			fmt.Fprintf(answer, "%s:0\r\n", strings.Repeat("0", 35))
		}
	}))
	w.t.Cleanup(server.Close)
	client, err := pwned.New(pwned.Config{Host: server.URL, Now: w.clock.Now, Registerer: prometheus.NewRegistry()})
	w.must(err)
	w.t.Cleanup(client.Close)
	api.Client = client
	return api
}

// looksUpIn has passwords looked up in sources, by a mode.
func (w *world) looksUpIn(mode breach.Mode, c breach.Config) {
	w.t.Helper()
	w.rules.BreachMode = mode
	w.deps.Breaches = w.checker(c)
	w.through(w.store)
}

// expectProblem wants one of a new password's problems to be told by a sentence.
func expectProblem(t *testing.T, err error, sentence string) {
	t.Helper()
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
	var refused *fault.Error
	if !errors.As(err, &refused) || !slices.ContainsFunc(refused.Fields, func(f fault.Field) bool {
		return f.Name == "new_password" && strings.HasPrefix(f.Reason, "PASSWORD_") && strings.Contains(f.Problem, sentence)
	}) {
		t.Errorf("nobody is told that it %s: %v", sentence, refused.Fields)
	}
}

func TestASignUpDoesntTakeOneOfTheMostUsedPasswords(t *testing.T) {
	w := newWorld(t)
	w.rules.PasswordMinLength, w.rules.PasswordMinScore = 8, 0
	const used = "Password1"
	for _, address := range []string{ada, "grace@example.org"} {
		tr := w.laptop().signUp(address)
		_, err := tr.try(newPassword(used))
		expectProblem(t, err, "is known from a breach of another service; choose one that you use nowhere else")
		if a, _ := w.attempt(tr.Attempt.ID); a.Proofs.NewPassword != nil {
			t.Error("it was kept all the same")
		}
		expectStep(t, tr.answer(newPassword(right)), attempt.EmailVerification, "")
	}
	w.rules.BreachMode = breach.Off
	expectStep(t, w.laptop().signUp(ada).answer(newPassword(used)), attempt.EmailVerification, "")
}

func TestANewPasswordThatACorpusHitsIsRefused(t *testing.T) {
	w := newWorld(t)
	w.looksUpIn(breach.CorpusOnly, breach.Config{Corpus: w.corpusOf(leaked)})
	tr := w.laptop().signUp(ada)
	_, err := tr.try(newPassword(leaked))
	expectProblem(t, err, "is probably known from a breach")
	expectStep(t, tr.answer(newPassword(right)), attempt.EmailVerification, "")
}

// TestABreachedPasswordIsGoodForOneSignInThatReplacesIt: on a known device and elsewhere there is another check, then a new password, and it
// can't be a breached one either.
func TestABreachedPasswordIsGoodForOneSignInThatReplacesIt(t *testing.T) {
	for name, known := range map[string]bool{"on a known device": true, "elsewhere": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			held := laptop.enrol(ada, leaked).Session
			api := w.rangeAPI()
			w.looksUpIn(breach.CorpusConfirmed, breach.Config{Corpus: w.corpusOf(leaked), Range: api})
			b, check := w.stranger(), attempt.DeviceVerification
			if known {
				b, check = laptop, attempt.EmailVerification
			}
			tr := b.signIn(ada)
			rows := w.rowsDuring(func() { expectStep(t, tr.answer(password(leaked)), check, "") })
			_, marked := decoded(t, rows, "authn.credential.compromised.v1", new(eventv1.CredentialCompromised))
			if marked.GetCause() != "breach" || marked.GetUserId() != held.UserID || marked.GetCredential() != "password" {
				t.Errorf("told %v", marked)
			}
			if r := w.lastAudit(); r.Action != "password.mark_compromised" || r.Actor.Kind != audit.System || r.Target.ID != held.UserID || r.Detail["cause"] != "breach" {
				t.Errorf("audited %+v", r)
			}
			if w.session(held.ID).End != "" {
				t.Error("a session has ended before the password is replaced, and the policy doesn't say so")
			}
			expectStep(t, tr.answer(code(tr.code())), attempt.NewPassword, "")
			_, err := tr.try(newPassword(leaked))
			expectFault(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
			expectStep(t, tr.answer(newPassword(another)), attempt.Done, "")
			if w.user(held.UserID).Password.Compromised() || w.session(held.ID).End == "" {
				t.Error("the new password is marked, or a session from before is alive")
			}
			if n := api.calls.Load(); n != 1 {
				t.Errorf("the range API was asked %d times, want once", n)
			}
		})
	}
}

func TestAPolicyMayHaveABreachedPasswordEndSessionsAtOnce(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	held := laptop.enrol(ada, leaked).Session
	w.looksUpIn(breach.RangeOnly, breach.Config{Range: w.rangeAPI()})
	w.rules.BreachEndsSessions = true
	w.stranger().signIn(ada).answer(password(leaked))
	if w.session(held.ID).End == "" || w.lastAudit().Detail["ended_sessions"] == "" {
		t.Error("the session is alive, or isn't named")
	}
}

// TestASuspicionMarksNobody: a filter is wrong once in 65,536 times.
func TestASuspicionMarksNobody(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	userID := laptop.enrol(ada, leaked).Session.UserID
	api := w.rangeAPI()
	api.fails.Store(true)
	known := w.corpusOf(leaked)
	for name, sources := range map[breach.Mode]breach.Config{
		breach.CorpusOnly: {Corpus: known}, breach.CorpusConfirmed: {Corpus: known, Range: api},
	} {
		w.looksUpIn(name, sources)
		w.rules.BreachUnknownRefusesSignIn = true // not even then
		laptop.enter(ada, leaked)
		if w.user(userID).Password.Compromised() {
			t.Errorf("%s marks whom it suspects", name)
		}
	}
	if api.calls.Load() == 0 {
		t.Error("nobody was asked to confirm")
	}
}

func TestASourceThatFailsRefusesNewPasswordsAndLetsOwnersIn(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	userID := laptop.enrol(ada, right).Session.UserID
	api := w.rangeAPI()
	api.fails.Store(true)
	w.looksUpIn(breach.RangeOnly, breach.Config{Range: api})

	tr := w.laptop().signUp("grace@example.org")
	_, err := tr.try(newPassword(another))
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	if a, _ := w.attempt(tr.Attempt.ID); a.Proofs.NewPassword != nil || fault.RetryAfterOf(err) == 0 {
		t.Error("it was kept all the same, or nobody says when to try again")
	}
	laptop.enter(ada, right)

	w.rules.BreachUnknownRefusesNew, w.rules.BreachUnknownRefusesSignIn = false, true
	expectStep(t, tr.answer(newPassword(another)), attempt.EmailVerification, "")
	in := laptop.signIn(ada)
	_, err = in.try(password(right))
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	if a, _ := w.attempt(in.Attempt.ID); a.Wrong != 0 || !a.Proofs.PasswordAt.IsZero() || w.user(userID).Password.Compromised() {
		t.Error("a failing source counts, proves or marks something")
	}
	api.fails.Store(false)
	w.clock.advance(time.Minute)
	expectStep(t, in.answer(password(right)), attempt.Done, "")
}

// TestWhatIsMarkedIsntLookedUpAgain: the way to a new password mustn't hang on a source.
func TestWhatIsMarkedIsntLookedUpAgain(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	w.changeUser(userID, func(u *account.User) { u.Password.CompromisedAt = w.clock.Now() })
	from := &sources{found: failed()}
	w.refusesUnknown(from)
	expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
	if from.checked.Load() != 0 {
		t.Error("it was looked up")
	}
}

// TestOnlyRightPasswordsAreLookedUpAtSignIn: what is guessed stays here, for whomever it is meant.
func TestOnlyRightPasswordsAreLookedUpAtSignIn(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	api := w.rangeAPI()
	w.looksUpIn(breach.RangeOnly, breach.Config{Range: api})
	for _, address := range []string{ada, nobody} {
		expectFared(t, w.stranger().signIn(address).answer(password(leaked)), attempt.Wrong, 4)
	}
	if n := api.calls.Load(); n != 0 {
		t.Errorf("%d wrong passwords were looked up", n)
	}
	laptop.enter(ada, right)
	if n := api.calls.Load(); n != 1 {
		t.Errorf("a right password was looked up %d times", n)
	}
	w.rules.BreachAtSignIn = false
	laptop.enter(ada, right)
	if n := api.calls.Load(); n != 1 {
		t.Error("it was looked up against the policy")
	}
}

// TestWhoWaitsForASourceHoldsNothing: neither a place in the pool nor a transaction.
func TestWhoWaitsForASourceHoldsNothing(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	api := w.rangeAPI()
	w.looksUpIn(breach.RangeOnly, breach.Config{Range: api})
	taken := func() float64 {
		families, err := w.pools.Gather()
		w.must(err)
		sum := 0.0
		for _, f := range families {
			if f.GetName() == "doorward_authn_password_slots_taken" {
				for _, m := range f.GetMetric() {
					sum += m.GetGauge().GetValue()
				}
			}
		}
		return sum
	}
	inside := func() {
		if n := taken(); n != 0 {
			t.Errorf("%v places in the pool are held", n)
		}
		w.clock.advance(time.Second)
		w.stranger().signUp("grace@example.org") // writes
	}
	api.during.Store(&inside)
	laptop.enter(ada, right)
	w.laptop().signUp("joan@example.org").answer(newPassword(another))
	if api.calls.Load() != 2 {
		t.Errorf("asked %d times, want 2", api.calls.Load())
	}
}

// TestAPasswordThatIsReplacedMeanwhileIsntMarked: what was looked up isn't what the account has.
func TestAPasswordThatIsReplacedMeanwhileIsntMarked(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	userID := laptop.enrol(ada, leaked).Session.UserID
	api := w.rangeAPI()
	w.looksUpIn(breach.RangeOnly, breach.Config{Range: api})
	replaced := func() {
		w.changeUser(userID, func(u *account.User) { u.RaiseEpoch() })
	}
	api.during.Store(&replaced)
	expectStep(t, laptop.signIn(ada).answer(password(leaked)), attempt.Refused, attempt.Over)
	if w.user(userID).Password.Compromised() {
		t.Error("the new password is marked")
	}
}
