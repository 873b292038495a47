package flow_test

import (
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/authn/internal/attempt"
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
