package flow_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/quota"
)

// network is one of many.
func network(n int) string { return fmt.Sprintf("198.51.%d.%d", n/250, 1+n%250) }

// asking begins an attempt that waits for a mailed code, the n-th of its kind.
type asking func(n int) *trial

// signingUp begins sign-ups from one network, with the address of each.
func (w *world) signingUp(ip string, address func(n int) string) asking {
	return func(n int) *trial {
		w.t.Helper()
		b := w.stranger()
		b.client.IP = ip
		tr := b.signUp(address(n))
		expectStep(w.t, tr.answer(newPassword(another)), attempt.EmailVerification, "")
		return tr
	}
}

func always(address string) func(int) string { return func(int) string { return address } }

// anywhere signs up with one address, each time from another network.
func (w *world) anywhere(address string) asking {
	return func(n int) *trial { return w.signingUp(network(n), always(address))(n) }
}

// signingIn begins sign-ins with the right password, of which risk wants the device verified.
func (b *browser) signingIn(address string) asking {
	return func(int) *trial {
		b.w.t.Helper()
		b.w.risk.answers(says(flow.GateOpen, attempt.VerifyDevice))
		defer b.w.risk.answers(byNetwork)
		tr := b.signIn(address)
		expectStep(b.w.t, tr.answer(password(right)), attempt.DeviceVerification, "")
		return tr
	}
}

// sent has codes sent for new attempts, each as soon as it may be.
func (w *world) sent(times int, begin asking) {
	w.t.Helper()
	for n := range times {
		w.nextCode()
		if err := begin(n).prepare(); err != nil {
			w.t.Fatalf("code %d of %d: %v", n+1, times, err)
		}
	}
	w.nextCode()
}

// expectNoCode wants the next one refused, with nothing queued, and how long there is to wait.
func (w *world) expectNoCode(begin asking, reason typev1.Reason, retryIn time.Duration) {
	w.t.Helper()
	tr := begin(0)
	expectTypes(w.t, w.rowsDuring(func() {
		err := tr.prepare()
		expectFault(w.t, err, fault.Exhausted, reason)
		if got := fault.RetryAfterOf(err); got != retryIn {
			w.t.Errorf("retry in %v; want %v", got, retryIn)
		}
	}))
}

// expectChallenged has a code sent for a challenge that is solved, and each for one of its own.
func (w *world) expectChallenged(begin asking) {
	w.t.Helper()
	tr := begin(0)
	issued, redeemed := w.challenges.counts(func() {
		var err error
		expectTypes(w.t, w.rowsDuring(func() { err = tr.prepare() }))
		tr.ticket.Client.Solution = solution(w.t, err)
		if got := len(w.rowsDuring(func() { w.must(tr.prepare()) })); got != 1 {
			w.t.Errorf("%d mails for a solved challenge", got)
		}
		w.nextCode()
		tr.ticket.Client.Solution = solution(w.t, tr.prepare())
	})
	if issued != 2 || redeemed != 2 {
		w.t.Errorf("%d challenges made, %d solutions looked at", issued, redeemed)
	}
	w.clock.advance(-w.rules.CodeInterval)
}

// onTheOwners are the only sign-ins that nobody is challenged at.
const onTheOwners = "sign-ins on the owner's device"

// askers are all who can have a code sent to Ada's address, and some who write it otherwise, each with budgets of its own. Her laptop is known.
func askers(w *world) map[string]asking {
	laptop := w.laptop()
	laptop.enrol(ada, right)
	return map[string]asking{
		"sign-ups with a free address":  w.anywhere(nobody),
		"sign-ups with a taken address": w.anywhere(ada),
		"sign-ups with tags":            w.signingUp(network(7), func(n int) string { return fmt.Sprintf("tagged+%d@example.com", n) }),
		"sign-ups with dots":            w.signingUp(network(8), func(n int) string { return "dotted"[:1+n%5] + "." + "dotted"[1+n%5:] + "@gmail.com" }),
		"sign-ins on unknown devices":   w.stranger().signingIn(ada),
		onTheOwners:                     laptop.signingIn(ada),
	}
}

func TestAnAddressIsSentOneCodeAfterAnother(t *testing.T) {
	w := newWorld(t)
	for name, begin := range askers(w) {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.nextCode()
			w.must(begin(0).prepare())
			w.clock.advance(w.rules.CodeInterval - time.Second)
			w.expectNoCode(begin, typev1.Reason_REASON_CODE_TOO_SOON, time.Second)
			w.clock.advance(time.Second)
			w.must(begin(1).prepare())
		})
	}
}

func TestAnAddressIsSentSoManyCodesAnHour(t *testing.T) {
	w := newWorld(t)
	for name, begin := range askers(w) {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.clock.advance(24 * time.Hour)
			w.sent(w.rules.CodesPerHour, begin)
			left := time.Hour - time.Duration(w.rules.CodesPerHour)*w.rules.CodeInterval
			if name == onTheOwners {
				w.expectNoCode(begin, typev1.Reason_REASON_CODE_TOO_SOON, left)
			} else {
				w.expectChallenged(begin)
			}
			w.clock.advance(left)
			w.sent(1, begin)
		})
	}
}

func TestAnAddressIsSentSoManyCodesADay(t *testing.T) {
	w := newWorld(t)
	w.rules.CodesPerHour = 60
	for name, begin := range askers(w) {
		t.Run(name, func(t *testing.T) {
			w.t = t
			w.clock.advance(24 * time.Hour)
			w.sent(w.rules.CodesPerDay, begin)
			left := 24*time.Hour - time.Duration(w.rules.CodesPerDay)*w.rules.CodeInterval
			w.expectNoCode(begin, typev1.Reason_REASON_CODES_EXHAUSTED, left)
			w.clock.advance(left)
			w.sent(1, begin)
		})
	}
}

// Each of an address's budgets is used up by those alone who have what it takes to use it.
func TestWhoKnowsLessUsesUpNoCodesOfWhoKnowsMore(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.clock.advance(24 * time.Hour)
	w.rules.CodesPerHour = w.rules.CodesPerDay
	for _, begin := range []asking{w.anywhere(ada), w.stranger().signingIn(ada), laptop.signingIn(ada)} {
		w.sent(w.rules.CodesPerDay, begin)
		if err := begin(0).prepare(); fault.ReasonOf(err) != typev1.Reason_REASON_CODES_EXHAUSTED {
			t.Fatalf("one more than a day's codes: %v", err)
		}
	}
}

// No rule about tags has the owner of one account use up what another's is sent.
func TestAccountsThatShareAMailboxHaveTheirOwnCodes(t *testing.T) {
	w := newWorld(t)
	const tagged = "ada+shop@example.org"
	w.laptop().enrol(ada, right)
	w.nextCode()
	w.laptop().enrol(tagged, right)
	w.rules.CodesPerHour = w.rules.CodesPerDay
	w.sent(w.rules.CodesPerDay, w.stranger().signingIn(tagged))
	w.sent(w.rules.CodesPerDay, w.stranger().signingIn(ada))
}

func TestANetworkHasSoManyCodesADay(t *testing.T) {
	const office, sameOffice, elsewhere = "2001:db8:1:2::10", "2001:db8:1:2:ffff::11", "2001:db8:1:3::10"
	someone := func(n int) string { return fmt.Sprintf("someone%d@example.net", n) }
	someoneElse := func(n int) string { return fmt.Sprintf("other%d@example.net", n) }
	w := newWorld(t)
	laptop := w.laptop()
	laptop.client.IP = office
	laptop.enrol(ada, right)
	w.clock.advance(25 * time.Hour)
	w.rules.CodesPerNetworkDay = 10
	w.sent(10, w.signingUp(office, someone))
	for name, ip := range map[string]string{"from the same address": office, "from another of its network": sameOffice} {
		err := w.signingUp(ip, someoneElse)(0).prepare()
		expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_CODES_EXHAUSTED)
		if wait := fault.RetryAfterOf(err); wait < 23*time.Hour || wait > 25*time.Hour {
			t.Errorf("%s: retry in %v; want about a day", name, wait)
		}
	}
	w.sent(1, w.signingUp(elsewhere, someoneElse))
	newPhone := w.stranger()
	newPhone.client.IP = sameOffice
	w.sent(10, newPhone.signingIn(ada)) // sign-ins are counted apart
	w.rules.CodesPerHour = 60
	if err := newPhone.signingIn(ada)(0).prepare(); fault.ReasonOf(err) != typev1.Reason_REASON_CODES_EXHAUSTED {
		t.Errorf("one more than the network's sign-ins: %v", err)
	}
	w.sent(12, laptop.signingIn(ada)) // what a known device asks is no network's
	w.clock.advance(25 * time.Hour)
	w.sent(1, w.signingUp(office, someoneElse))
}

// Whatever strangers do, and in whatever order, the owner's known device gets a code exactly when its own budget has one.
func TestStrangersNeverCostAKnownDeviceACode(t *testing.T) {
	w := newWorld(t)
	w.rules.CodesPerHour, w.rules.CodesPerDay, w.rules.CodesPerNetworkDay, w.rules.AttemptAnswers = 3, 5, 10, 20
	w.rules.DeviceTrustLifetime = 400 * 24 * time.Hour
	laptop := w.laptop()
	laptop.enrol(ada, right)
	owners := laptop.signingIn(ada)
	acts := map[string]func(n int){
		"signs up with the taken address": func(n int) { _ = w.anywhere(ada)(n).prepare() },
		"signs up with a spelling of it":  func(n int) { _ = w.signingUp(homeIP, always(fmt.Sprintf("ada+%d@example.org", n)))(n).prepare() },
		"guesses":                         func(int) { _, _ = w.stranger().signIn(ada).try(password(wrong)) },
		"has the password":                func(int) { w.thief() },
		"signs up at the owner's":         func(n int) { _ = w.signingUp(homeIP, always(fmt.Sprintf("n%d@example.org", n)))(n).prepare() },
	}
	var names []string
	for name := range acts {
		names = append(names, name)
	}
	slices.Sort(names)
	rapid.Check(t, func(t *rapid.T) {
		w.clock.advance(25 * time.Hour) // all budgets are full again
		var alone quota.Codes
		for n, act := range rapid.SliceOfN(rapid.SampledFrom(append(names, "owner")), 1, 8).Draw(t, "acts") {
			w.clock.advance(time.Duration(rapid.SampledFrom([]int{0, 20, 30, 300, 1800}).Draw(t, "seconds")) * time.Second)
			if act != "owner" {
				acts[act](n)
				continue
			}
			want := alone.Send(quota.Known, w.rules.Codes(), false, w.clock.Now())
			if err := owners(n).prepare(); (err == nil) != want.Sent() {
				t.Fatalf("the owner is answered %v; with no strangers there it would be %+v", err, want)
			}
		}
	})
}

// thief asks for a code with the right password, if it is let.
func (w *world) thief() {
	tr := w.stranger().signIn(ada)
	if p, err := tr.try(password(right)); err == nil && p.Step == attempt.DeviceVerification {
		_ = tr.prepare()
	}
}
