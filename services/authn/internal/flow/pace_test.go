package flow_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/pace"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// unpaced lets calls come as fast as tests make them.
func (w *world) unpaced() {
	const all = 1_000_000
	w.rules.RateIdentifierStarts, w.rules.RateIdentifierAnswers = all, all
	w.rules.RateDeviceStarts, w.rules.RateDeviceAnswers = all, all
	w.rules.RateNetworkStarts, w.rules.RateNetworkAnswers = all, all
}

// paced has them at the default rates.
func (w *world) paced() {
	w.clock.advance(time.Second) // what was used before is free again
	defaults := tuning.Default()
	w.rules.RateIdentifierStarts, w.rules.RateIdentifierAnswers = defaults.RateIdentifierStarts, defaults.RateIdentifierAnswers
	w.rules.RateDeviceStarts, w.rules.RateDeviceAnswers = defaults.RateDeviceStarts, defaults.RateDeviceAnswers
	w.rules.RateNetworkStarts, w.rules.RateNetworkAnswers = defaults.RateNetworkStarts, defaults.RateNetworkAnswers
}

// starts is how many sign-ins in a row a browser may begin, and how long it then has to wait.
func (b *browser) starts(address string) (n int, wait time.Duration) {
	b.w.t.Helper()
	for ; n < 1000; n++ {
		if _, err := b.w.attempts.StartSignIn(b.w.t.Context(), b.app, b.client, address); err != nil {
			expectFault(b.w.t, err, fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED)
			return n, fault.RetryAfterOf(err)
		}
	}
	return n, 0
}

func TestStrangersStartsArePacedByIdentifier(t *testing.T) {
	for name, address := range map[string]string{"somebody's": ada, "nobody's": nobody} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.laptop().enrol(ada, right)
			w.paced()
			n, wait := w.stranger().starts(address)
			if n != w.rules.RateIdentifierStarts || wait != 2*time.Second {
				t.Errorf("%d starts, then a wait of %v; want %d and 2s", n, wait, w.rules.RateIdentifierStarts)
			}
			elsewhere := w.stranger()
			elsewhere.client.IP = homeIP
			elsewhere.client.DeviceSecret = w.laptop().client.DeviceSecret
			if n, _ := elsewhere.starts(address); n != 0 {
				t.Errorf("%d more starts from another network", n)
			}
			w.clock.advance(wait)
			if n, _ := w.stranger().starts(address); n != 1 {
				t.Errorf("%d starts after the wait, want 1", n)
			}
		})
	}
}

func TestAKnownDeviceHasARateOfItsOwn(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.paced()
	for range 3 {
		w.stranger().starts(ada)
	}
	if n, _ := laptop.starts(ada); n != w.rules.RateDeviceStarts {
		t.Errorf("%d starts on the known device, want %d", n, w.rules.RateDeviceStarts)
	}
	w.clock.advance(paceWindow)
	laptop.enter(ada, right)
}

func TestANetworkIsPacedOverAllItsIdentifiers(t *testing.T) {
	w := newWorld(t)
	w.paced()
	w.rules.RateNetworkStarts = 7
	begun := 0
	for _, address := range []string{"a@example.org", "b@example.org", "c@example.org", "d@example.org"} {
		n, _ := w.stranger().starts(address)
		begun += n
	}
	if begun != 7 {
		t.Errorf("%d starts from one network, want 7", begun)
	}
}

// TestStrangersBehindTheSameAddressDontUseUpAKnownDevicesRate: an office or a mobile network is one address to us.
func TestStrangersBehindTheSameAddressDontUseUpAKnownDevicesRate(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.paced()
	w.rules.RateNetworkStarts, w.rules.RateNetworkAnswers = 3, 3
	neighbour := w.stranger()
	neighbour.client.IP = homeIP
	if n, _ := neighbour.starts(nobody); n != 3 {
		t.Fatalf("%d starts from one network, want 3", n)
	}
	laptop.enter(ada, right)
}

func TestAnswersArePacedAndARefusedOneCountsForNothing(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.paced()
	tr := w.stranger().signIn(ada)
	for left := 4; left >= 5-w.rules.RateIdentifierAnswers; left-- {
		expectFared(t, tr.answer(password(wrong)), attempt.Wrong, left)
	}
	hashes := w.hashesDuring(func() {
		_, err := tr.try(password(right))
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED)
	})
	if a, _ := w.attempt(tr.Attempt.ID); hashes != 0 || a.Wrong != w.rules.RateIdentifierAnswers {
		t.Errorf("%d hashes for an answer that came too fast, %d failures", hashes, a.Wrong)
	}
	laptop.enter(ada, right)
	w.clock.advance(paceWindow)
	expectStep(t, tr.answer(password(right)), attempt.DeviceVerification, "")
}

// TestRequestsForCodesArePacedBeforeAMailIsSealed: each costs a seal, and most would be refused after it.
func TestRequestsForCodesArePacedBeforeAMailIsSealed(t *testing.T) {
	w := newWorld(t)
	sealed := 0
	seals := w.deps.Mails
	w.deps.Mails = func(aad seal.AAD, plain []byte) (seal.Envelope, error) {
		sealed++
		return seals(aad, plain)
	}
	w.through(w.store)
	tr := w.stranger().signUp(nobody)
	tr.answer(newPassword(another))
	w.paced()
	var last error
	for range 50 {
		last = tr.prepare()
	}
	expectFault(t, last, fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED)
	if sealed != w.rules.RateIdentifierAnswers {
		t.Errorf("%d mails were sealed, want %d", sealed, w.rules.RateIdentifierAnswers)
	}
	w.clock.advance(w.rules.CodeInterval)
	w.must(tr.prepare())
}

const paceWindow = 10 * time.Second

// TestOneNetworkCantUseUpItsApplication: an application that lets one address flood it isn't shut for everybody else. Whatever the flood is made of, it
// is stopped by a rate of the network's own, and what is stopped isn't the application's use.
func TestOneNetworkCantUseUpItsApplication(t *testing.T) {
	const flood = 5_500 // more than an application may call any method at once
	for name, call := range map[string]func(*world, *browser, int) error{
		"sign-ins of many identifiers": func(w *world, b *browser, n int) error {
			_, err := w.attempts.StartSignIn(w.t.Context(), b.app, b.client, fmt.Sprintf("bot%d@example.org", n))
			return err
		},
		"sign-ins of one identifier": func(w *world, b *browser, _ int) error {
			_, err := w.attempts.StartSignIn(w.t.Context(), b.app, b.client, nobody)
			return err
		},
		"sign-ups of many identifiers": func(w *world, b *browser, n int) error {
			_, err := w.attempts.StartSignUp(w.t.Context(), b.app, b.client, fmt.Sprintf("bot%d@example.org", n), secret.Text{})
			return err
		},
		"sign-ins of what is no address": func(w *world, b *browser, _ int) error {
			_, err := w.attempts.StartSignIn(w.t.Context(), b.app, b.client, "nonsense")
			return err
		},
		"answers to no attempt": func(w *world, b *browser, _ int) error {
			_, err := w.attempts.Continue(w.t.Context(), flow.Ticket{AttemptID: "att_1", ApplicationID: b.app, Client: b.client}, password(wrong))
			return err
		},
		"codes for no attempt": func(w *world, b *browser, _ int) error {
			ticket := flow.Ticket{AttemptID: "att_1", ApplicationID: b.app, Client: b.client}
			_, _, err := w.attempts.Prepare(w.t.Context(), ticket, attempt.EmailCode)
			return err
		},
		"made-up refresh tokens": func(w *world, b *browser, _ int) error {
			_, err := w.sessions.Refresh(w.t.Context(), b.app, b.client, secret.Wrap("rft_made.up"))
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.manyCallers()
			owner := w.laptop()
			grant := owner.enrol(ada, right)
			w.paced()
			let := 0
			for n := range flood {
				if err := call(w, w.stranger(), n); fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED {
					let++
				}
			}
			if most := w.rules.RateNetworkAnswers; let == 0 || let > most {
				t.Errorf("%d of %d calls were let through, want %d at most", let, flood, most)
			}
			newcomer := w.stranger()
			newcomer.client.IP = homeIP
			newcomer.signUp("carol@example.org").answer(newPassword(another))
			owner.enter(ada, right)
			_, err := owner.refresh(grant.RefreshToken)
			w.must(err)
		})
	}
}

// TestCallsThatLeadNowhereAreCounted: those at a step that takes another answer, and those at an attempt that is over.
func TestCallsThatLeadNowhereAreCounted(t *testing.T) {
	for name, spoil := range map[string]func(*trial){
		"a step that takes another answer": func(*trial) {},
		"an attempt that is over": func(tr *trial) {
			for range tr.b.w.rules.AttemptAnswers {
				tr.answer(password(wrong))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			tr := w.stranger().signIn(nobody)
			spoil(tr)
			w.paced()
			let := 0
			for range 1000 {
				if _, err := tr.try(code("123456")); fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED {
					let++
				}
			}
			if let != w.rules.RateNetworkAnswers {
				t.Errorf("%d calls were let through, want %d", let, w.rules.RateNetworkAnswers)
			}
			if _, err := w.stranger().signIn("carol@example.org").try(password(wrong)); err != nil {
				t.Errorf("they used up what leads on: %v", err)
			}
		})
	}
}

func TestAnApplicationIsPacedOverAllItsUsers(t *testing.T) {
	w := newWorld(t)
	w.manyCallers()
	w.paced()
	const most = 2_000
	from := func(n int) flow.Client { return flow.Client{IP: fmt.Sprintf("10.%d.%d.1", n/250, n%250)} }
	start := func(app string, n int) error {
		_, err := w.attempts.StartSignIn(t.Context(), app, from(n), "nonsense")
		return err
	}
	let := 0
	for n := range most + 500 {
		if fault.ReasonOf(start(w.app, n)) != typev1.Reason_REASON_RATE_LIMITED {
			let++
		}
	}
	if let != most {
		t.Errorf("%d calls of one application were let through at once, want %d", let, most)
	}
	expectFault(t, start(w.otherApp, 0), fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	_, err := w.attempts.StartSignUp(t.Context(), w.app, from(0), "nonsense", secret.Text{}) // another method
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
	w.clock.advance(time.Second)
	expectFault(t, start(w.app, 0), fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
}

func TestASessionIsntRefreshedWithoutEnd(t *testing.T) {
	w := newWorld(t)
	owner := w.laptop()
	token := owner.enrol(ada, right).RefreshToken
	thief := w.stranger() // has a copy, and no device secret
	const most = 2_500
	let := 0
	for range most + 500 {
		if _, err := thief.refresh(token); fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED {
			let++
		}
	}
	if let != most {
		t.Errorf("%d refreshes were let through, want %d", let, most)
	}
	if _, err := owner.refresh(token); err != nil {
		t.Errorf("the owner, elsewhere: %v", err)
	}
}

// TestACallThatFailedIsntCalledTooFast: a store that doesn't answer is told of as such.
func TestACallThatFailedIsntCalledTooFast(t *testing.T) {
	w := newWorld(t)
	tr := w.stranger().signIn(nobody)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := w.attempts.Continue(gone, tr.ticket, password(wrong)); !errors.Is(err, context.Canceled) {
		t.Errorf("Continue = %v, want the caller's own going away", err)
	}
}

// manyCallers has a limiter that remembers as many as a test may have, and nobody of before.
func (w *world) manyCallers() {
	paces, err := pace.New(1<<16, w.clock.Now)
	w.must(err)
	w.deps.Pace = paces
	w.through(w.store)
}
