package flow_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// somebody is one of many, each with a mailbox of their own.
func somebody(n int) string { return fmt.Sprintf("somebody%d@example.net", n) }

// from begins a sign-up of somebody, from an address.
func (w *world) from(ip string, n int) *trial {
	w.t.Helper()
	return w.signingUp(ip, somebody)(n)
}

// far is one of many networks that have no site and no provider in common.
func far(n int) string { return fmt.Sprintf("2001:%x::1", 0x1000+n) }

// flood has so many codes sent to as many strangers, from as many places. Each solves its challenge where one is due.
func (w *world) flood(first, codes int) {
	w.t.Helper()
	for n := range codes {
		w.must(w.from(far(first+n), first+n).solve())
	}
}

// throng does what it can of that, where not everybody may sign up.
func (w *world) throng(first, codes int) {
	w.t.Helper()
	for n := first; n < first+codes; n++ {
		b := w.stranger()
		b.client.IP = far(n)
		started, err := w.attempts.StartSignUp(w.t.Context(), b.app, b.client, somebody(n), secret.Text{})
		if err != nil {
			continue
		}
		tr := b.holding(started)
		tr.answer(newPassword(another))
		_ = tr.solve()
	}
}

// mostChallenges is how often the price of a code can rise under somebody who is solving, and one.
const mostChallenges = 5

// solve has a code sent, for challenges that are solved as often as one is asked for: others may have raised the price meanwhile.
func (tr *trial) solve() error {
	err := tr.prepare()
	for n := 0; n < mostChallenges && fault.ReasonOf(err) == typev1.Reason_REASON_CHALLENGE_REQUIRED; n++ {
		tr.ticket.Client.Solution = solution(tr.b.w.t, err)
		err = tr.prepare()
	}
	return err
}

// expectWall asks for a code that is refused until those of an hour ago no longer count: nothing is mailed, and no challenge is asked for or taken in vain.
func (w *world) expectWall(reason typev1.Reason, ask func() error) {
	w.t.Helper()
	issued, redeemed := w.challenges.counts(func() {
		expectTypes(w.t, w.rowsDuring(func() {
			err := ask()
			expectFault(w.t, err, fault.Exhausted, reason)
			if wait := fault.RetryAfterOf(err); wait <= 0 || wait > time.Hour+5*time.Minute {
				w.t.Errorf("retry in %v", wait)
			}
		}))
	})
	if issued+redeemed > 0 {
		w.t.Errorf("%d challenges and %d redemptions for what no challenge lifts", issued, redeemed)
	}
}

func TestWideNetworksHaveAShareOfTheCodes(t *testing.T) {
	const total = 40
	for name, c := range map[string]struct {
		ip    func(n int) string // each in a network of its own
		most  int
		other string // outside
	}{
		"a /48":           {func(n int) string { return fmt.Sprintf("2001:db8:7:%x::1", n) }, total / 10, "2001:db8:8::1"},
		"a /32":           {func(n int) string { return fmt.Sprintf("2001:db8:%x::1", n) }, total / 4, "2001:db9::1"},
		"a /24 of IPv4":   {func(n int) string { return fmt.Sprintf("198.51.100.%d", n+1) }, total / 10, "198.51.101.1"},
		"the same mapped": {func(n int) string { return fmt.Sprintf("::ffff:198.51.100.%d", n+1) }, total / 10, "::ffff:198.51.101.1"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			laptop.enrol(ada, right)
			w.clock.advance(2 * time.Hour)
			w.rules.CodesPerDeploymentHour = total
			for n := range c.most {
				w.must(w.from(c.ip(n), n).prepare())
			}
			tr := w.from(c.ip(c.most), c.most)
			w.expectWall(typev1.Reason_REASON_CODES_EXHAUSTED, tr.prepare)
			w.must(w.from(c.other, 99).prepare())
			laptop.client.IP = c.ip(0)
			w.must(laptop.signingIn(ada)(0).prepare()) // what a known device asks is no network's
			stranger := w.stranger()
			stranger.client.IP = c.ip(0)
			w.must(stranger.signingIn(ada)(0).prepare()) // sign-ins are counted apart
			w.clock.advance(time.Hour + 5*time.Minute)
			w.must(w.from(c.ip(c.most), c.most+1).prepare())
		})
	}
}

func TestPastHalfOfTheDeploymentsCodesEachCostsMoreAndMore(t *testing.T) {
	const total = 32
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.clock.advance(2 * time.Hour)
	w.rules.CodesPerDeploymentHour, w.rules.ChallengeDifficulty = total, 2000
	for n := range total {
		tr := w.from(far(n), n)
		if n < total/2 {
			w.must(tr.prepare())
			continue
		}
		var err error
		expectTypes(t, w.rowsDuring(func() { err = tr.prepare() }))
		tr.ticket.Client.Solution = solution(t, err)
		if got, want := fault.ChallengeOf(err).GetMaxNumber(), int64(2000<<((n-total/2)/4)); got != want {
			t.Errorf("code %d costs %d; want %d", n+1, got, want)
		}
		w.must(tr.prepare())
	}
	w.must(w.stranger().signingIn(ada)(0).prepare()) // who has a right password isn't kept out by those who have none
	w.nextCode()
	w.must(laptop.signingIn(ada)(0).prepare())
}

// Whoever solves challenges while they are cheap, for the codes of when they are dear, has solved them in vain. One that got dearer by a step while it was
// solved is good.
func TestAStockOfCheapSolutionsPaysForNoDearCode(t *testing.T) {
	const total = 32
	w := newWorld(t)
	w.rules.CodesPerDeploymentHour, w.rules.ChallengeDifficulty = total, 2000
	next := 0
	sends := func(until int) { // with a solution of the price at hand, where there is one
		for ; next < until; next++ {
			tr := w.from(far(next), next)
			if err := tr.prepare(); err != nil {
				tr.ticket.Client.Solution = solution(t, err)
				w.must(tr.prepare())
			}
		}
	}
	sends(total / 2)
	holder := w.from(far(total), total)
	stock := []secret.Text{solution(t, holder.prepare()), solution(t, holder.prepare())}
	sends(total * 5 / 8)
	holder.ticket.Client.Solution = stock[0] // of 2000, where 4000 are due
	w.must(holder.prepare())
	sends(total*6/8 - 1)
	late := w.from(far(total+1), total+1)
	late.ticket.Client.Solution = stock[1] // where 8000 are due
	if due := fault.ChallengeOf(late.prepare()).GetMaxNumber(); due != 8000 {
		t.Errorf("a solution of 2000 was answered with a challenge of %d; want 8000", due)
	}
}

func TestTheHardestChallengeIsAsHardAsThereIs(t *testing.T) {
	rules := tuning.Default()
	rules.ChallengeDifficulty = 4_000_000
	for effort, want := range map[int]int{1: 4_000_000, 2: 8_000_000, 4: 10_000_000, 8: 10_000_000} {
		if got := rules.Difficulty(effort); got != want {
			t.Errorf("%d times the work is %d; want %d", effort, got, want)
		}
	}
}

// Who floods a deployment gets no more codes than its hour has, and keeps nobody out who has a device that is known.
func TestADeploymentSendsStrangersSoManyCodesAnHour(t *testing.T) {
	const total = 10
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.clock.advance(2 * time.Hour)
	w.rules.CodesPerDeploymentHour = total
	w.rules.CodesPerHour = 60
	w.flood(0, total)
	tr := w.from(far(total), total)
	w.expectWall(typev1.Reason_REASON_RATE_LIMITED, tr.solve)
	w.sent(2*total, laptop.signingIn(ada))
	w.restart() // it is on the disk
	if err := w.from(far(total+1), total+1).solve(); fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED {
		t.Errorf("after a restart: %v", err)
	}
	w.clock.advance(time.Hour + 5*time.Minute)
	w.must(w.from(far(total+2), total+2).prepare())
}

// Those who have passwords use up a budget of their own, and none of it is the known devices'.
func TestSignInsHaveADeploymentsBudgetOfTheirOwn(t *testing.T) {
	const total = 10
	w := newWorld(t)
	var laptops []*browser
	for n := range total + 1 {
		laptop := w.laptop()
		laptop.enrol(somebody(n), right)
		laptops = append(laptops, laptop)
	}
	w.clock.advance(2 * time.Hour)
	w.rules.CodesPerDeploymentHour = total
	phone := func(n int) *trial {
		b := w.stranger()
		b.client.IP = far(n)
		return b.signingIn(somebody(n))(n)
	}
	for n := range total {
		w.must(phone(n).solve())
	}
	expectFault(t, phone(total).solve(), fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED)
	w.must(laptops[total].signingIn(somebody(total))(0).prepare())
	w.must(w.from(far(99), 99).prepare()) // sign-ups are counted apart
}

// However many ask at the same moment, the budgets are taken exactly once for each code.
func TestCodesAskedForAtOnceAreTakenOnce(t *testing.T) {
	const total, asking = 16, 48
	w := newWorld(t)
	w.rules.CodesPerDeploymentHour = total
	trials := make([]*trial, asking)
	for n := range trials {
		trials[n] = w.from(far(n), n)
	}
	var sent, refused, other atomic.Int64
	mails := len(w.rowsDuring(func() {
		var running sync.WaitGroup
		for _, tr := range trials {
			running.Go(func() {
				switch err := tr.solve(); {
				case err == nil:
					sent.Add(1)
				case fault.ReasonOf(err) == typev1.Reason_REASON_RATE_LIMITED:
					refused.Add(1)
				default:
					other.Add(1)
				}
			})
		}
		running.Wait()
	}))
	if sent.Load() != total || mails != total || refused.Load() != asking-total || other.Load() > 0 {
		t.Errorf("%d sent and %d mailed of %d; %d refused, %d answered otherwise", sent.Load(), mails, total, refused.Load(), other.Load())
	}
}

// codesCounted are the codes of sign-ups by strangers, by what became of them.
func (w *world) codesCounted() map[string]float64 {
	w.t.Helper()
	families, err := w.metrics.Gather()
	w.must(err)
	counts := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "doorward_authn_codes_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if labels["purpose"] == string(attempt.SignUp) && labels["who"] == "strangers" {
				counts[labels["outcome"]] = m.GetCounter().GetValue()
			}
		}
	}
	return counts
}

func TestOperatorsHearOfAFloodOfCodes(t *testing.T) {
	const total = 20
	w := newWorld(t)
	want := map[string]float64{
		"sent": 0, "interval": 0, "hour": 0, "day": 0, "network_day": 0, "site_hour": 0, "provider_hour": 0, "deployment_hour": 0, "deployment_half": 0,
	}
	if diff := cmp.Diff(want, w.codesCounted()); diff != "" {
		t.Errorf("at the start (-want +got):\n%s", diff)
	}
	var log bytes.Buffer
	w.deps.Logger = slog.New(slog.NewTextHandler(&log, nil))
	w.through(w.store)
	w.rules.CodesPerDeploymentHour = total
	lines := func() (all []string) {
		defer log.Reset()
		for line := range strings.Lines(log.String()) {
			if strings.Contains(line, "codes_per_deployment_hour=20") {
				all = append(all, line)
			}
		}
		return all
	}
	for n := range total / 4 {
		w.must(w.from(fmt.Sprintf("2001:db8:%x::1", n), n).prepare())
	}
	for n := range 3 {
		_ = w.from(fmt.Sprintf("2001:db8:%x::1", 100+n), 100+n).prepare()
	}
	expectLine(t, lines(), "level=WARN", "network=2001:db8::/32", "purpose=sign_up")
	w.flood(200, total-total/4)
	expectLine(t, lines(), "level=WARN", "half")
	for range 3 {
		_ = w.from(far(300), 300).prepare()
	}
	expectLine(t, lines(), "level=ERROR", "all of an hour")
	w.clock.advance(10 * time.Minute)
	_ = w.from(far(301), 301).prepare()
	expectLine(t, lines(), "level=ERROR", "all of an hour") // as long as it lasts
	w.clock.advance(-5 * time.Minute)
	_ = w.from(far(302), 302).prepare()
	expectLine(t, lines(), "level=ERROR", "all of an hour") // the clock was set back
	maps.Copy(want, map[string]float64{"sent": total, "provider_hour": 3, "deployment_half": total, "deployment_hour": 5})
	if diff := cmp.Diff(want, w.codesCounted()); diff != "" {
		t.Errorf("counted (-want +got):\n%s", diff)
	}
}

// expectLine wants one line, with all of some words.
func expectLine(t *testing.T, lines []string, words ...string) {
	t.Helper()
	if len(lines) != 1 {
		t.Fatalf("%d lines of the log: %q", len(lines), lines)
	}
	for _, word := range words {
		if !strings.Contains(lines[0], word) {
			t.Errorf("%s isn't in %s", word, lines[0])
		}
	}
}

// Past half nobody but known devices is mailed a code while risk, which makes the challenges, is away.
func TestPastHalfNoStrangersCodeIsSentWhileRiskIsAway(t *testing.T) {
	const total = 10
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.clock.advance(2 * time.Hour)
	w.rules.CodesPerDeploymentHour = total
	w.flood(0, total/2)
	tr := w.from(far(total), total)
	w.challenges.goAway(errors.New("no answer"))
	expectFault(t, tr.prepare(), fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE)
	w.must(laptop.signingIn(ada)(0).prepare())
	w.challenges.goAway(nil)
	w.must(tr.solve())
}
