package flow_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/credential"
)

// sources answer as a test says, and count how often they were asked.
type sources struct {
	away   error // what Ready says
	found  breach.Result
	during func(context.Context) // within each check

	readied, checked atomic.Int64
}

func (s *sources) Ready(context.Context, breach.Mode, secret.Text) error {
	s.readied.Add(1)
	return s.away
}

func (s *sources) Check(ctx context.Context, _ breach.Mode, _ secret.Text) breach.Result {
	s.checked.Add(1)
	if s.during != nil {
		s.during(ctx)
	}
	return s.found
}

// failed is what comes of a check whose source fails.
func failed() breach.Result { return breach.Result{Source: breach.FromRange, Err: errDown} }

// refusesUnknown has nobody let in whose password the sources can't tell of.
func (w *world) refusesUnknown(s *sources) {
	w.t.Helper()
	w.rules.BreachUnknownRefusesSignIn = true
	w.deps.Breaches = s
	w.through(w.store)
}

// onTheWire is what a caller is told of a failure.
func onTheWire(err error) string { return fault.ToStatus(err).Proto().String() }

// unlooked is one who gives a password, from where, and for whom.
type unlooked struct {
	known             bool
	address, password string
}

var everybody = map[string]unlooked{
	"a right password on a known device":   {true, ada, right},
	"a wrong password on a known device":   {true, ada, wrong},
	"a right password elsewhere":           {false, ada, right},
	"a wrong password elsewhere":           {false, ada, wrong},
	"a password for nobody":                {false, nobody, right},
	"another for nobody":                   {false, nobody, wrong},
	"a listed password":                    {false, ada, "Password1"},
	"for nobody on somebody else's device": {true, nobody, right},
	"a right password that is marked":      {false, "marked@example.org", right},
	"a wrong one of an account so marked":  {false, "marked@example.org", wrong},
}

// TestWhileASourceIsAwayAllPasswordsAreAnsweredAlike: to the word, with no hash, no event and no try that counts, so that whoever guesses learns nothing, and
// the owner has lost nothing when the source is back.
func TestWhileASourceIsAwayAllPasswordsAreAnsweredAlike(t *testing.T) {
	for mode, away := range map[breach.Mode]func(w *world) (config breach.Config, back func()){
		breach.CorpusOnly: func(w *world) (breach.Config, func()) {
			return breach.Config{}, func() { w.looksUpIn(breach.CorpusOnly, breach.Config{Corpus: w.corpusOf(leaked)}) }
		},
		breach.CorpusConfirmed: func(w *world) (breach.Config, func()) {
			return breach.Config{Range: w.rangeAPI()}, func() { w.rules.BreachMode = breach.ListOnly }
		},
		breach.RangeOnly: func(w *world) (breach.Config, func()) {
			api := w.rangeAPI()
			api.fails.Store(true)
			return breach.Config{Range: api}, func() {
				if n := api.calls.Load(); n != 5 {
					w.t.Errorf("the range API was asked %d times, want 5: then nobody is for a while", n)
				}
				api.fails.Store(false)
				w.clock.advance(10 * time.Second)
			}
		},
	} {
		t.Run(string(mode), func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			laptop.enrol(ada, right)
			marked := w.laptop().enrol("marked@example.org", right).Session.UserID
			w.changeUser(marked, func(u *account.User) { u.Password.CompromisedAt = w.clock.Now() })
			config, back := away(w)
			w.rules.BreachUnknownRefusesSignIn = true
			w.looksUpIn(mode, config)
			said := map[string]bool{}
			var trials []*trial
			for name, one := range everybody {
				tr := w.stranger().signIn(one.address)
				if one.known {
					tr = laptop.signIn(one.address)
				}
				trials = append(trials, tr)
				rows := w.rowsDuring(func() {
					hashes := w.hashesDuring(func() {
						for range 2 * w.rules.AttemptAnswers {
							_, err := tr.try(password(one.password))
							expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
							said[onTheWire(err)] = true
						}
					})
					if hashes != 0 {
						t.Errorf("%s: %d hashes", name, hashes)
					}
				})
				expectTypes(t, rows)
				if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != 0 || a.Abandoned() {
					t.Errorf("%s: %d failures, abandoned: %v", name, a.Wrong, a.Abandoned())
				}
			}
			if len(said) != 1 {
				t.Errorf("they are answered in %d ways: %v", len(said), said)
			}
			back()
			for _, tr := range trials {
				expectFared(t, tr.answer(password(another)), attempt.Wrong, 4)
			}
			laptop.enter(ada, right)
		})
	}
}

// TestAPasswordThatIsntLookedUpIsAnsweredWhenAFailureIs: whether it was refused before the hash, or withheld after.
func TestAPasswordThatIsntLookedUpIsAnsweredWhenAFailureIs(t *testing.T) {
	for name, c := range map[string]struct {
		away  error
		found breach.Result
		slow  bool
	}{
		"the source is away":          {away: errDown},
		"the source fails meanwhile":  {found: failed()},
		"the source takes a while to": {found: failed(), slow: true},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			laptop.enrol(ada, right)
			w.cost = 10 * time.Millisecond
			w.deps.Pool = w.pool(cheap, 2)
			from := &sources{away: c.away, found: c.found}
			if c.slow {
				from.during = func(ctx context.Context) { // beyond the deadline of whoever waits for it
					place, err := w.deps.Pool.Begin(credential.Known)
					w.must(err)
					w.must(place.AwaitDeadline(ctx))
				}
			}
			w.refusesUnknown(from)
			for _, b := range []*browser{laptop, w.stranger()} {
				tr := b.signIn(ada)
				began := time.Now()
				_, err := tr.try(password(right))
				took := time.Since(began)
				expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
				if d := w.deps.Pool.Deadline(); took < d || c.slow && took < 2*d {
					t.Errorf("answered after %v; the deadline is %v", took, d)
				}
			}
		})
	}
}

func TestWhoHangsUpWhileASourceIsAskedForIsToldNothing(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.refusesUnknown(&sources{away: errDown})
	tr := w.stranger().signIn(ada)
	ctx, hangUp := context.WithCancel(t.Context())
	hangUp()
	if _, err := w.attempts.Continue(ctx, tr.ticket, password(right)); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v; want the caller's own", err)
	}
}

// TestARightPasswordThatIsWithheldIsNoFreeGuess: its source had answered a moment before and fails for it alone. It isn't let in, and to know that it is right
// costs a try, on all devices.
func TestARightPasswordThatIsWithheldIsNoFreeGuess(t *testing.T) {
	for name, known := range map[string]bool{"on a known device": true, "elsewhere": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			userID := laptop.enrol(ada, right).Session.UserID
			b := w.stranger()
			if known {
				b = laptop
			}
			from := &sources{found: failed()}
			w.refusesUnknown(from)
			w.lockAfter(3)
			from.away = errDown
			tr := b.signIn(ada)
			_, unready := tr.try(password(wrong))
			from.away = nil
			for n := range 3 {
				rows := w.rowsDuring(func() {
					_, err := tr.try(password(right))
					if onTheWire(err) != onTheWire(unready) {
						t.Errorf("answered %v; while the source is away %v", err, unready)
					}
				})
				expectTypes(t, rows)
				if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != n+1 || !a.Proofs.PasswordAt.IsZero() {
					t.Errorf("%d failures of the attempt after %d, password at %v", a.Wrong, n+1, a.Proofs.PasswordAt)
				}
			}
			_, err := tr.try(password(right))
			expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_TOO_MANY_FAILURES)
			if w.user(userID).Password.Compromised() {
				t.Error("a source that fails marks the password")
			}
			w.clock.advance(w.rules.LockoutDuration)
			from.found = breach.Result{Verdict: breach.Clean}
			b.enter(ada, right)
		})
	}
}

// TestTheLastAnswerOfAnAttemptMayBeWithheld: there are no more, and the owner is told.
func TestTheLastAnswerOfAnAttemptMayBeWithheld(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.rules.AttemptAnswers = 1
	w.refusesUnknown(&sources{found: failed()})
	tr := w.stranger().signIn(ada)
	_, err := tr.try(password(right))
	expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	expectStep(t, tr.answer(password(right)), attempt.Refused, attempt.Over)
	w.abandoned()
}

// TestAnOwnerIsToldOfARightPasswordThatWasWithheld, as of a sign-in that was abandoned, unless they came through after all, or the device would have let them
// in.
func TestAnOwnerIsToldOfARightPasswordThatWasWithheld(t *testing.T) {
	elsewhere := func(w *world, _ *browser) *browser { return w.stranger() }
	known := func(_ *world, owners *browser) *browser { return owners }
	far := func(_ *world, owners *browser) *browser { owners.client.IP = strangerIP; return owners } // of which risk wants a code
	banned := func(w *world, owners *browser) *browser {                                             // no device helps there
		_, _, err := w.users.Ban(w.t.Context(), operator, adas, "fraud")
		w.must(err)
		return owners
	}
	const told, quiet, nothing = "told", "quiet", "nothing"
	for name, c := range map[string]struct {
		from  func(w *world, owners *browser) *browser
		since func(w *world, tr *trial)
		want  string
	}{
		"and nothing more":             {elsewhere, func(*world, *trial) {}, told},
		"and then a wrong one":         {elsewhere, func(_ *world, tr *trial) { tr.answer(password(wrong)) }, told},
		"and again, short of the code": {elsewhere, func(_ *world, tr *trial) { tr.answer(password(right)) }, told},
		"and again, with the code": {elsewhere, func(w *world, tr *trial) {
			expectStep(w.t, tr.answer(password(right)), attempt.DeviceVerification, "")
			expectStep(w.t, tr.answer(code(tr.code())), attempt.Done, "")
		}, nothing},
		"and then another sign-in":       {elsewhere, func(w *world, _ *trial) { w.stranger().enter(ada, right) }, quiet},
		"on a known device":              {known, func(*world, *trial) {}, nothing},
		"on a known device, then in":     {known, func(_ *world, tr *trial) { tr.answer(password(right)) }, nothing},
		"on a known device far away":     {far, func(*world, *trial) {}, told},
		"of a banned account":            {banned, func(*world, *trial) {}, told},
		"while its attempt was replaced": {elsewhere, nil, told},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			laptop.enrol(ada, right)
			w.clock.advance(time.Minute)
			from := &sources{found: failed()}
			w.refusesUnknown(from)
			b := c.from(w, laptop)
			rows := w.rowsDuring(func() {
				tr := b.signIn(ada)
				if c.since == nil {
					w.rules.AttemptsPerIdentifier = 1
					from.during = func(context.Context) { w.stranger().signIn(ada) }
				}
				at := w.clock.Now()
				_, err := tr.try(password(right))
				if c.since == nil {
					expectFault(t, err, fault.NotFound, typev1.Reason_REASON_ATTEMPT_NOT_FOUND)
					return
				}
				expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
				if a, _ := w.attempt(tr.Attempt.ID); a.Abandoned() && !a.RightAt().Equal(at) {
					t.Errorf("right at %v, want %v", a.RightAt(), at)
				}
				w.clock.advance(time.Minute)
				from.found = breach.Result{Verdict: breach.Clean}
				c.since(w, tr)
				w.clock.advance(w.rules.AttemptLifetime + time.Second)
				w.must(w.sweeper.Sweep(t.Context()))
			})
			got := nothing
			for _, row := range rows {
				if row.Type != "authn.signin.abandoned.v1" {
					continue
				}
				_, event := decoded(t, rows, row.Type, new(eventv1.SignInAbandoned))
				if got = told; event.GetQuiet() {
					got = quiet
				}
				if event.GetPlace().GetCountryCode() == "" || event.GetIp() != b.client.IP || event.GetProvedAt().AsTime().IsZero() {
					t.Errorf("the event says %v", event)
				}
			}
			if got != c.want {
				t.Errorf("%s; want %s", got, c.want)
			}
		})
	}
}

// TestWhoHangsUpWhileARightPasswordIsLookedUpChangesNothing: what is given back to who leaves then would be given back for right passwords alone, which the
// answers that are left would show.
func TestWhoHangsUpWhileARightPasswordIsLookedUpChangesNothing(t *testing.T) {
	for name, c := range map[string]struct {
		found   breach.Result
		refuses bool // what isn't known
		step    attempt.Step
		wrong   int
	}{
		"it is clean":                   {breach.Result{Verdict: breach.Clean}, true, attempt.DeviceVerification, 0},
		"it is breached":                {breach.Result{Verdict: breach.Breached}, true, attempt.DeviceVerification, 0},
		"the source fails":              {failed(), false, attempt.DeviceVerification, 0},
		"the source fails, and refuses": {failed(), true, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			userID := w.laptop().enrol(ada, right).Session.UserID
			ctx, hangUp := context.WithCancel(t.Context())
			defer hangUp()
			w.refusesUnknown(&sources{found: c.found, during: func(asked context.Context) {
				hangUp()
				if asked.Err() != nil {
					t.Error("who hangs up has the source fail")
				}
			}})
			w.rules.BreachUnknownRefusesSignIn = c.refuses
			tr := w.stranger().signIn(ada)
			p, err := w.attempts.Continue(ctx, tr.ticket, password(right))
			if c.step == "" {
				expectFault(t, err, fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
			} else {
				w.must(err)
				expectStep(t, p, c.step, "")
			}
			if a, _ := w.attempt(tr.Attempt.ID); a.Wrong != c.wrong || !a.Abandoned() {
				t.Errorf("%d failures, want %d; abandoned: %v", a.Wrong, c.wrong, a.Abandoned())
			}
			if got := w.user(userID).Password.Compromised(); got != (c.found.Verdict == breach.Breached) {
				t.Errorf("marked: %v", got)
			}
		})
	}
}

// TestWhetherASourceAnswersIsAskedOnlyWhereItRefuses: by default it never is.
func TestWhetherASourceAnswersIsAskedOnlyWhereItRefuses(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	from := &sources{away: errDown, found: failed()}
	for name, c := range map[string]struct{ refuses, atSignIn bool }{
		"what isn't known is let pass":    {false, true},
		"nothing is looked up at sign-in": {true, false},
	} {
		w.refusesUnknown(from)
		w.rules.BreachUnknownRefusesSignIn, w.rules.BreachAtSignIn = c.refuses, c.atSignIn
		laptop.enter(ada, right)
		if n := from.readied.Load(); n != 0 {
			t.Errorf("%s: asked %d times", name, n)
		}
	}
	if n := from.checked.Load(); n != 1 {
		t.Errorf("%d passwords were looked up, want 1", n)
	}
}
