package flow_test

import (
	"context"
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// abandoned lets the attempts that are under way expire, and returns what is then told of the one that had the right password.
func (w *world) abandoned() (eventID string, told *eventv1.SignInAbandoned) {
	w.t.Helper()
	w.clock.advance(w.rules.AttemptLifetime + time.Second)
	rows := w.rowsDuring(func() { w.must(w.sweeper.Sweep(w.t.Context())) })
	row, told := decoded(w.t, rows, "authn.signin.abandoned.v1", new(eventv1.SignInAbandoned))
	return row.ID, told
}

func TestAnOwnerIsToldThatSomebodyKnowsThePassword(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	atDeviceVerification(w)
	eventID, told := w.abandoned()
	recipients, err := w.alerts.Prepare(t.Context(), eventID)
	w.must(err)
	if told.GetQuiet() || len(recipients) != 1 || recipients[0].Address != ada || !recipients[0].ContainToken.IsZero() {
		t.Errorf("quiet %v; told are %d, the first with a link: %v", told.GetQuiet(), len(recipients), !recipients[0].ContainToken.IsZero())
	}
}

// TestARightPasswordNeverGoesUntold: whatever becomes of it, short of a session, somebody may know it who shouldn't. Each is told of once, and what is wrong never.
func TestARightPasswordNeverGoesUntold(t *testing.T) {
	type guess struct {
		before, during func(*world) // of the account, and while the password is hashed
		hangsUp        bool         // while it is hashed
	}
	change := func(fn func(*world, *account.User)) func(*world) {
		return func(w *world) {
			user, err := w.users.Get(w.t.Context(), adas)
			w.must(err)
			w.changeUser(user.ID, func(u *account.User) { fn(w, u) })
		}
	}
	verdict := func(v attempt.Verdict) func(*world) {
		return func(w *world) { w.risk.answers(says(flow.GateOpen, v)) }
	}
	from := func(found breach.Result) func(*world) {
		return func(w *world) { w.refusesUnknown(&sources{found: found}) }
	}
	for name, c := range map[string]guess{
		"a code is due":             {},
		"risk refuses":              {before: verdict(attempt.Refuse)},
		"risk says what is new":     {before: verdict("of a newer release")},
		"risk doesn't answer":       {before: func(w *world) { w.risk.answers(down) }},
		"the account is locked":     {before: change(func(w *world, u *account.User) { u.LockFor(0, w.clock.Now()) })},
		"it is banned":              {before: change(func(w *world, u *account.User) { u.Ban(w.clock.Now()) })},
		"it is contained":           {before: change(func(w *world, u *account.User) { u.Password.ContainedAt = w.clock.Now() })},
		"its password is marked":    {before: change(func(w *world, u *account.User) { u.MarkCompromised(w.clock.Now()) })},
		"it is known from breach":   {before: from(breach.Result{Verdict: breach.Breached})},
		"it can't be looked up":     {before: from(failed())},
		"the caller hangs up":       {hangsUp: true},
		"the attempt is replaced":   {during: func(w *world) { w.rules.AttemptsPerIdentifier = 1; w.stranger().signIn(ada) }},
		"the attempt expires":       {during: func(w *world) { w.clock.advance(w.rules.AttemptLifetime); w.must(w.sweeper.Sweep(w.t.Context())) }},
		"the account is locked now": {during: change(func(w *world, u *account.User) { u.LockFor(0, w.clock.Now()) })},
		"its sessions are voided":   {during: change(func(_ *world, u *account.User) { u.RaiseEpoch() })},
		"it is the last answer":     {before: func(w *world) { w.rules.AttemptAnswers = 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			for given, want := range map[string]int{right: 1, wrong: 0} {
				w := newWorldIn(t, inMemory(t), 4)
				w.laptop().enrol(ada, right)
				w.clock.advance(time.Minute)
				if c.before != nil {
					c.before(w)
				}
				tr := w.stranger().signIn(ada)
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				w.kernel.hold(func() {
					w.kernel.hold(nil)
					if c.hangsUp {
						hangUp()
					}
					if c.during != nil {
						c.during(w)
					}
				})
				rows := w.rowsDuring(func() {
					if p, _ := w.attempts.Continue(ctx, tr.ticket, password(given)); p.Grant != nil {
						t.Fatal("there is a session")
					}
					w.clock.advance(w.rules.AttemptLifetime + time.Second)
					w.must(w.sweeper.Sweep(t.Context()))
				})
				told := 0
				for _, row := range types(rows) {
					if row == "authn.signin.abandoned.v1" {
						told++
					}
				}
				if told != want {
					t.Errorf("after %q the owner is told %d times, want %d", given, told, want)
				}
			}
		})
	}
}

// TestAnOwnerWhoTriedTwiceIsntTold: but only who gave a mailed code, from the same address and browser, is taken for the owner.
func TestAnOwnerWhoTriedTwiceIsntTold(t *testing.T) {
	for name, c := range map[string]struct {
		since func(w *world, owners *browser)
		quiet bool
	}{
		"finished with a mailed code":        {func(w *world, _ *browser) { w.stranger().enter(ada, right) }, true},
		"finished on a known device":         {func(_ *world, owners *browser) { owners.enter(ada, right) }, false},
		"finished from another address":      {func(w *world, _ *browser) { b := w.stranger(); b.client.IP = homeIP; b.enter(ada, right) }, false},
		"finished in another browser":        {func(w *world, _ *browser) { b := w.stranger(); b.client.UserAgent = firefox; b.enter(ada, right) }, false},
		"tried again and didn't finish":      {func(w *world, _ *browser) { w.stranger().signIn(ada).answer(password(wrong)) }, false},
		"did nothing more":                   {func(*world, *browser) {}, false},
		"finished another sign-in from home": {func(w *world, _ *browser) { w.laptop().enter(ada, right) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			owners := w.laptop()
			owners.enrol(ada, right)
			w.stranger().enter(ada, right) // before, which tells nothing
			w.clock.advance(time.Minute)
			expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
			w.clock.advance(time.Minute)
			c.since(w, owners)
			if _, told := w.abandoned(); told.GetQuiet() != c.quiet {
				t.Errorf("quiet: %v, want %v", told.GetQuiet(), c.quiet)
			}
		})
	}
}

func TestAnOwnerIsToldThreeTimesADayOfOnePassword(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tell := func(want ...bool) {
		t.Helper()
		for n, told := range want {
			atDeviceVerification(w)
			if _, event := w.abandoned(); event.GetQuiet() == told {
				t.Errorf("the owner is told the %d. time: %v, want %v", n+1, !event.GetQuiet(), told)
			}
		}
	}
	tell(true, true, true, false, false)
	user, err := w.users.Get(t.Context(), adas)
	w.must(err)
	w.changeUser(user.ID, func(u *account.User) { u.Password.SetAt = w.clock.Now() })
	tell(true, true, true, false)
	w.clock.advance(24 * time.Hour)
	tell(true)
}
