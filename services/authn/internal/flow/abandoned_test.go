package flow_test

import (
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
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
