package flow_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
)

func wantAnswer(t *testing.T, r decision.Record, gate score.Gate, verdict score.Verdict, raised ...signal.Name) {
	t.Helper()
	if r.Gate != gate || r.Verdict != verdict || !slices.Equal(r.Raised(), raised) {
		t.Errorf("answer = %v, %v, %v; want %v, %v, %v", r.Gate, r.Verdict, r.Raised(), gate, verdict, raised)
	}
}

func TestNoAnswerBeforeTheViewHasCaughtUp(t *testing.T) {
	w := newWorld(t, nil)
	w.notReady = true
	_, err := w.Assessments.Assess(t.Context(), flow.Question{Purpose: decision.SignIn, IP: berlin})
	if f, ok := fault.As(err); !ok || f.Kind != fault.Unavailable || f.Reason != typev1.Reason_REASON_UNAVAILABLE || f.RetryAfter == 0 {
		t.Errorf("Assess = %v, want UNAVAILABLE with RetryInfo", err)
	}
}

func TestFirstSignInIsBelieved(t *testing.T) {
	wantAnswer(t, newWorld(t, nil).assess("usr_1", berlin), score.Open, score.Allow)
}

func TestNewCountryAsksForASecondCheck(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn(w.assess("usr_1", berlin))
	w.clock.forward(7 * 24 * time.Hour)
	wantAnswer(t, w.assess("usr_1", bahia), score.Open, score.VerifyDevice, signal.NewCountry)
	wantAnswer(t, w.assess("usr_1", berlin), score.Open, score.Allow)
	// Nothing is known of another user, nor of whoever isn't one.
	wantAnswer(t, w.assess("usr_2", bahia), score.Open, score.Allow)
	wantAnswer(t, w.assess("", bahia), score.Open, score.Allow)
}

func TestImpossibleTravel(t *testing.T) {
	w := newWorld(t, nil)
	w.signedIn(w.assess("usr_1", bahia))
	w.clock.forward(7 * 24 * time.Hour)
	w.signedIn(w.assess("usr_1", berlin))
	w.clock.forward(time.Hour)
	wantAnswer(t, w.assess("usr_1", bahia), score.Open, score.VerifyDevice, signal.ImpossibleTravel)
}

func TestUnknownCountryIsDecidedByThePolicy(t *testing.T) {
	w := newWorld(t, nil)
	wantAnswer(t, w.assess("usr_1", nowhere), score.Open, score.VerifyDevice, signal.UnknownCountry)
	w.policy.Value.Caps.UnknownCountry = score.Allow
	wantAnswer(t, w.assess("usr_1", nowhere), score.Open, score.Allow)
}

func TestFailuresOfAnAddressRaiseTheGateForEverybodyAlike(t *testing.T) {
	w := newWorld(t, nil)
	limits := score.DefaultPolicy().Limits
	stranger := func() decision.Record { // each against another identifier that nobody has
		return w.ask(flow.Question{Purpose: decision.SignIn, Account: history.Account(id.New("any", noon)), IP: nowhere})
	}
	for range limits.IPFailuresRaised {
		stranger()
	}
	known, unknown := w.assess("usr_1", nowhere), stranger()
	for _, r := range []decision.Record{known, unknown} {
		wantAnswer(t, r, score.Challenge, score.VerifyDevice, signal.IPFailures, signal.UnknownCountry)
	}
	wantAnswer(t, w.assess("usr_1", berlin), score.Open, score.Allow)
	for range limits.IPFailuresHigh {
		stranger()
	}
	if r := w.assess("usr_1", nowhere); r.Gate != score.Block {
		t.Errorf("gate = %v, want a block", r.Gate)
	}
	w.clock.forward(2 * history.DefaultWindow)
	if r := w.assess("usr_1", nowhere); r.Gate != score.Open {
		t.Errorf("gate after the window = %v, want it open", r.Gate)
	}
}

func TestFailuresOfAnAccountNeverReachTheGate(t *testing.T) {
	w := newWorld(t, nil)
	ip := netip.MustParseAddr("198.51.100.1")
	for range 200 {
		w.ask(flow.Question{Purpose: decision.SignIn, UserID: "usr_1", Account: account("usr_1"), IP: ip})
		ip = ip.Next()
	}
	wantAnswer(t, w.assess("usr_1", berlin), score.Open, score.VerifyDevice, signal.AccountFailures)
}

// TestStrangersFailuresCostAKnownDeviceNothing: whoever knows an address would have its owner asked for a code at every sign-in, and an hour's codes
// are soon used up.
func TestStrangersFailuresCostAKnownDeviceNothing(t *testing.T) {
	w := newWorld(t, nil)
	try := func(known bool, ip netip.Addr) decision.Record {
		return w.ask(flow.Question{Purpose: decision.SignIn, UserID: "usr_1", Account: account("usr_1"), IP: ip, KnownDevice: known})
	}
	ip := netip.MustParseAddr("198.51.100.1")
	for range 200 {
		try(false, ip)
		ip = ip.Next()
	}
	wantAnswer(t, try(true, berlin), score.Open, score.Allow)
	for range score.DefaultPolicy().Limits.AccountFailuresRaised {
		try(true, berlin)
	}
	wantAnswer(t, try(true, berlin), score.Open, score.VerifyDevice, signal.AccountFailures)
}

// TestStrangersDontBlockAKnownDeviceBehindTheSameAddress: an office or a mobile network is one address to us.
func TestStrangersDontBlockAKnownDeviceBehindTheSameAddress(t *testing.T) {
	w := newWorld(t, nil)
	try := func(user string, known bool) decision.Record {
		return w.ask(flow.Question{Purpose: decision.SignIn, UserID: user, Account: account(user), IP: berlin, KnownDevice: known})
	}
	high := score.DefaultPolicy().Limits.IPFailuresHigh
	for n := range high {
		try(fmt.Sprint("usr_", n+2), false)
	}
	wantAnswer(t, try("usr_0", false), score.Block, score.Allow, signal.IPFailures)
	wantAnswer(t, try("usr_1", true), score.Open, score.Allow)
	for n := range high {
		try(fmt.Sprint("usr_", n+1000), true)
	}
	wantAnswer(t, try("usr_0", true), score.Block, score.Allow, signal.IPFailures)
}

func TestParallelTriesSeeEachOther(t *testing.T) {
	w := newWorld(t, nil)
	const callers = 200
	var blocked sync.Map
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			r, err := w.Assessments.Assess(t.Context(), flow.Question{Purpose: decision.SignIn, IP: berlin})
			if err != nil {
				t.Error(err)
			}
			if r.Gate == score.Block {
				blocked.Store(r.ID, true)
			}
		})
	}
	wg.Wait()
	n := 0
	blocked.Range(func(any, any) bool { n++; return true })
	if want := callers - score.DefaultPolicy().Limits.IPFailuresHigh; n != want {
		t.Errorf("%d of %d were blocked, want %d", n, callers, want)
	}
}

func TestAStoreThatFailsHidesNoTries(t *testing.T) {
	w := newWorld(t, nil)
	must(t, w.store.Close())
	q := flow.Question{Purpose: decision.SignIn, UserID: "usr_1", Account: account("usr_1"), IP: berlin}
	for range score.DefaultPolicy().Limits.IPFailuresRaised {
		if _, err := w.Assessments.Assess(t.Context(), q); err == nil {
			t.Fatal("a history that can't be read passed for an empty one")
		}
	}
	wantAnswer(t, w.assess("", berlin), score.Challenge, score.Allow, signal.IPFailures)
}

func TestDecisionSaysWhatItRestsOn(t *testing.T) {
	w := newWorld(t, nil)
	r := w.ask(flow.Question{
		Purpose: decision.SignUp, AttemptID: "att_9", Account: account("new"), IP: netip.MustParseAddr("::ffff:192.0.2.1"), KnownDevice: true,
	})
	if !id.Valid("dec", r.ID) || len(r.Contributions) != 5 {
		t.Errorf("id %q, %d signals; want a decision's id and all signals", r.ID, len(r.Contributions))
	}
	want := decision.Record{
		ID: r.ID, At: noon, Purpose: decision.SignUp, AttemptID: "att_9", IP: berlin, Country: "DE", KnownDevice: true,
		Gate: score.Open, Verdict: score.Allow, Contributions: r.Contributions, PolicyVersion: 7,
	}
	if diff := cmp.Diff(want, r, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestDependenciesAreAllNeeded(t *testing.T) {
	if _, err := flow.New(flow.Deps{}); err == nil || errors.Unwrap(err) != nil {
		t.Errorf("New = %v, want a refusal", err)
	}
}
