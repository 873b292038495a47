package history_test

import (
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/risk/internal/history"
)

// clock is a time that a test moves.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func counters(t interface {
	Helper()
	Fatal(...any)
}, c history.Config) (*history.Counters, *clock) {
	t.Helper()
	clk := &clock{at: noon}
	c.Now = clk.now
	counters, err := history.NewCounters(c)
	if err != nil {
		t.Fatal(err)
	}
	return counters, clk
}

var here = netip.MustParseAddr("192.0.2.1")

func try(n int, ip netip.Addr, account history.Account) history.Try {
	return history.Try{Ref: fmt.Sprintf("dec_%d", n), IP: ip, Account: account}
}

func TestATryCountsFromItsBeginning(t *testing.T) {
	c, _ := counters(t, history.Config{})
	for n := range 3 {
		if got, want := c.Begin(try(n, here, "anna")), (history.Failures{IP: n, Account: n}); got != want {
			t.Errorf("Begin = %+v, want %+v: what was counted before it", got, want)
		}
	}
	if got := c.Begin(try(3, here, "ben")); got != (history.Failures{IP: 3}) {
		t.Errorf("Begin for another account = %+v, want only the address's failures", got)
	}
	if got := c.Begin(try(4, netip.MustParseAddr("192.0.2.2"), "anna")); got != (history.Failures{Account: 3}) {
		t.Errorf("Begin from another address = %+v, want only the account's failures", got)
	}
}

func TestSettling(t *testing.T) {
	const f, s = history.Failed, history.Succeeded
	for name, tc := range map[string]struct {
		begun    bool
		outcomes []history.Outcome
		want     int
	}{
		"an open try counts":                             {begun: true, want: 1},
		"a failed try counts once":                       {begun: true, outcomes: []history.Outcome{f, f}, want: 1},
		"a try that succeeded doesn't count":             {begun: true, outcomes: []history.Outcome{s, s}, want: 0},
		"success after failure doesn't count":            {begun: true, outcomes: []history.Outcome{f, s}, want: 0},
		"success is final":                               {begun: true, outcomes: []history.Outcome{s, f}, want: 0},
		"a failure not begun here counts":                {outcomes: []history.Outcome{f, f}, want: 1},
		"a success not begun here doesn't":               {outcomes: []history.Outcome{s}, want: 0},
		"not begun here, failure then success":           {outcomes: []history.Outcome{f, s}, want: 0},
		"not begun here, the success overtook a failure": {outcomes: []history.Outcome{s, f}, want: 0},
		"an outcome that is none changes nothing":        {begun: true, outcomes: []history.Outcome{0, 9}, want: 1},
	} {
		t.Run(name, func(t *testing.T) {
			c, clk := counters(t, history.Config{})
			it := try(1, here, "anna")
			if tc.begun {
				c.Begin(it)
			}
			for _, outcome := range tc.outcomes {
				c.Settle(it, outcome, clk.now())
			}
			if got, want := c.Failures(here, "anna"), (history.Failures{IP: tc.want, Account: tc.want}); got != want {
				t.Errorf("Failures = %+v, want %+v", got, want)
			}
		})
	}
}

func TestWithdrawing(t *testing.T) {
	c, clk := counters(t, history.Config{})
	for n := range 4 {
		c.Begin(try(n, here, "anna"))
	}
	c.Settle(try(1, here, "anna"), history.Failed, clk.now())
	c.Settle(try(2, here, "anna"), history.Succeeded, clk.now())
	for ref, want := range map[string]bool{"dec_0": true, "dec_1": false, "dec_2": false, "dec_9": false, "": false} {
		if got := c.Withdraw(ref); got != want {
			t.Errorf("Withdraw(%q) = %v, want %v: of an open try alone", ref, got, want)
		}
	}
	if got := c.Failures(here, "anna"); got != (history.Failures{IP: 2, Account: 2}) {
		t.Errorf("Failures = %+v, want the failed and the open one", got)
	}
	if c.Withdraw("dec_0") || c.Settle(try(0, here, "anna"), history.Failed, clk.now()) || c.Settle(try(0, here, "anna"), history.Succeeded, clk.now()) {
		t.Error("a try that was withdrawn is moved on")
	}
	c.Begin(try(0, here, "anna"))
	clk.pass(history.DefaultWindow + history.DefaultWindow/5)
	c.Withdraw("dec_3")
	if got := c.Failures(here, "anna"); got != (history.Failures{}) {
		t.Errorf("past the window: %+v, want nothing", got)
	}
}

func TestSuccessTakesBackOnlyItsOwnTry(t *testing.T) {
	c, clk := counters(t, history.Config{})
	for n := range 5 {
		c.Begin(try(n, here, "anna"))
	}
	c.Settle(try(4, here, "anna"), history.Succeeded, clk.now())
	if got := c.Failures(here, "anna"); got != (history.Failures{IP: 4, Account: 4}) {
		t.Errorf("Failures = %+v, want the four wrong guesses before", got)
	}
}

func TestFailuresLeaveWithTheWindow(t *testing.T) {
	c, clk := counters(t, history.Config{Window: 10 * time.Minute})
	c.Begin(try(1, here, "anna"))
	clk.pass(10 * time.Minute)
	if got := c.Failures(here, "anna"); got != (history.Failures{IP: 1, Account: 1}) {
		t.Errorf("at the window's end: %+v, want it counted", got)
	}
	clk.pass(time.Minute + time.Second)
	if got := c.Failures(here, "anna"); got != (history.Failures{}) {
		t.Errorf("past the window: %+v, want nothing", got)
	}
}

func TestEventsOutsideTheWindowAreNotCounted(t *testing.T) {
	c, clk := counters(t, history.Config{})
	for n, at := range []time.Time{{}, noon.Add(-history.DefaultWindow), noon.Add(-24 * time.Hour)} {
		if c.Settle(try(n, here, "anna"), history.Failed, at) {
			t.Errorf("a failure of %s was counted at %s", at, clk.now())
		}
	}
	if !c.Settle(try(9, here, "anna"), history.Failed, noon.Add(time.Hour)) {
		t.Error("a failure from a clock that is ahead wasn't counted")
	}
	clk.pass(history.DefaultWindow + history.DefaultWindow/5)
	if got := c.Failures(here, "anna"); got != (history.Failures{}) {
		t.Errorf("Failures = %+v: a clock that is ahead made its failure last", got)
	}
}

func TestARestartIsRebuiltFromTheEvents(t *testing.T) {
	before, clk := counters(t, history.Config{})
	after, _ := counters(t, history.Config{})
	for n := range 6 {
		it, outcome := try(n, here, "anna"), history.Failed
		if n%3 == 0 {
			outcome = history.Succeeded
		}
		before.Begin(it)
		before.Settle(it, outcome, clk.now())
		after.Settle(it, outcome, clk.now())
	}
	if got, want := after.Failures(here, "anna"), before.Failures(here, "anna"); got != want {
		t.Errorf("rebuilt %+v, want %+v", got, want)
	}
}

func TestIPv6CountsByNetwork(t *testing.T) {
	c, _ := counters(t, history.Config{})
	c.Begin(try(1, netip.MustParseAddr("2001:db8:1:2::1"), ""))
	for ip, want := range map[string]int{
		"2001:db8:1:2:ffff::9":      1,
		"2001:db8:1:2:ffff::9%eth0": 1,
		"2001:db8:1:3::1":           0,
	} {
		if got := c.Failures(netip.MustParseAddr(ip), "").IP; got != want {
			t.Errorf("failures of %s = %d, want %d", ip, got, want)
		}
	}
	c.Begin(try(2, netip.MustParseAddr("::ffff:192.0.2.1"), ""))
	if got := c.Failures(here, "").IP; got != 1 {
		t.Errorf("a mapped address and its IPv4 form are counted apart: %d", got)
	}
}

func TestTriesWithoutAnAddressShareACount(t *testing.T) {
	c, _ := counters(t, history.Config{})
	c.Begin(try(1, netip.Addr{}, "anna"))
	if got := c.Begin(try(2, netip.Addr{}, "ben")); got.IP != 1 {
		t.Errorf("Begin = %+v, want the other try without an address counted", got)
	}
}

func TestATryWithoutARefCountsToTheEnd(t *testing.T) {
	c, clk := counters(t, history.Config{})
	it := history.Try{IP: here, Account: "anna"}
	c.Begin(it)
	c.Begin(it)
	if c.Settle(it, history.Succeeded, clk.now()) {
		t.Error("a try that can't be told apart was settled")
	}
	if got := c.Failures(here, "anna").IP; got != 2 {
		t.Errorf("failures = %d, want 2", got)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	c, clk := counters(t, history.Config{MaxKeys: 100, MaxTries: 150})
	for n := range 10_000 {
		ip := netip.AddrFrom4([4]byte{byte(n >> 8), byte(n), 7, 7})
		c.Begin(try(n, ip, history.Account(ip.String())))
	}
	if s := c.Stats(); s.Addresses > 100 || s.Accounts > 100 || s.Tries > 150 || s.Evicted == 0 {
		t.Errorf("Stats = %+v, want at most 100 addresses and accounts and 150 tries", s)
	}
	clk.pass(time.Hour)
	for n := range 200 {
		c.Begin(try(-n-1, here, "anna"))
	}
	if s := c.Stats(); s.Addresses != 1 || s.Accounts != 1 {
		t.Errorf("Stats = %+v, want what has run out to be dropped", s)
	}
}

func TestAFloodDoesNotWashOutWhoFailedOften(t *testing.T) {
	c, _ := counters(t, history.Config{MaxKeys: 50})
	for n := range 20 {
		c.Begin(try(n, here, "anna"))
	}
	for n := range 5_000 {
		ip := netip.AddrFrom4([4]byte{10, byte(n >> 8), byte(n), 7})
		c.Begin(try(1000+n, ip, history.Account(ip.String())))
	}
	if got := c.Failures(here, "anna"); got != (history.Failures{IP: 20, Account: 20}) {
		t.Errorf("Failures = %+v, want 20 still", got)
	}
}

func TestSuccessAfterAnEvictionTakesFromNobodyElse(t *testing.T) {
	c, clk := counters(t, history.Config{MaxKeys: 1})
	c.Begin(try(1, here, ""))
	c.Begin(try(2, netip.MustParseAddr("192.0.2.2"), "")) // evicts the first address
	c.Begin(try(3, here, ""))                             // which begins anew
	c.Settle(try(1, here, ""), history.Succeeded, clk.now())
	if got := c.Failures(here, "").IP; got != 1 {
		t.Errorf("failures = %d, want the third try still counted", got)
	}
}

// Of tries that begin at once each sees a different number before it: a budget of n lets exactly n through.
func TestParallelTriesCantOutrunTheCount(t *testing.T) {
	const tries = 200
	c, _ := counters(t, history.Config{})
	seen := make([]int, tries)
	var group sync.WaitGroup
	for n := range tries {
		group.Go(func() { seen[n] = c.Begin(try(n, here, "anna")).Account })
	}
	group.Wait()
	slices.Sort(seen)
	for n, got := range seen {
		if got != n {
			t.Fatalf("the counts seen are %v, want 0 to %d", seen, tries-1)
		}
	}
}

func TestParallelOutcomesSettleOnce(t *testing.T) {
	c, clk := counters(t, history.Config{})
	for n := range 10 {
		c.Begin(try(n, here, "anna"))
	}
	var changed [10]int
	var mu sync.Mutex
	var group sync.WaitGroup
	for n := range 200 {
		group.Go(func() {
			if c.Settle(try(n%10, here, "anna"), history.Succeeded, clk.now()) {
				mu.Lock()
				changed[n%10]++
				mu.Unlock()
			}
		})
	}
	group.Wait()
	if diff := cmp.Diff([10]int{1, 1, 1, 1, 1, 1, 1, 1, 1, 1}, changed); diff != "" {
		t.Errorf("each try is settled once: %s", diff)
	}
	if got := c.Failures(here, "anna"); got != (history.Failures{}) {
		t.Errorf("Failures = %+v, want none", got)
	}
}

// TestCountersAgreeWithAList plays random tries against the plainest account of the same rules: a list of all of them.
func TestCountersAgreeWithAList(t *testing.T) {
	const window, slot = 10 * time.Minute, time.Minute
	type listed struct {
		at        time.Time
		ip        netip.Addr
		account   history.Account
		succeeded bool
	}
	ips := rapid.SampledFrom([]netip.Addr{here, netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")})
	accounts := rapid.SampledFrom([]history.Account{"anna", "ben"})
	rapid.Check(t, func(t *rapid.T) {
		c, clk := counters(t, history.Config{Window: window})
		var list []listed
		t.Repeat(map[string]func(*rapid.T){
			"begin": func(t *rapid.T) {
				l := listed{at: clk.now(), ip: ips.Draw(t, "ip"), account: accounts.Draw(t, "account")}
				c.Begin(try(len(list), l.ip, l.account))
				list = append(list, l)
			},
			"settle": func(t *rapid.T) {
				if len(list) == 0 {
					return
				}
				n := rapid.IntRange(0, len(list)-1).Draw(t, "which")
				outcome := rapid.SampledFrom([]history.Outcome{history.Failed, history.Succeeded}).Draw(t, "outcome")
				c.Settle(try(n, list[n].ip, list[n].account), outcome, list[n].at)
				list[n].succeeded = list[n].succeeded || outcome == history.Succeeded
			},
			"time passes": func(t *rapid.T) {
				clk.pass(time.Duration(rapid.Int64Range(0, int64(4*time.Minute)).Draw(t, "for")))
			},
			"": func(t *rapid.T) {
				oldest := clk.now().Truncate(slot).Add(-window)
				for _, ip := range []netip.Addr{here, netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::1")} {
					var want history.Failures
					for _, l := range list {
						if l.at.Before(oldest) || l.succeeded {
							continue
						}
						if l.ip == ip {
							want.IP++
						}
						if l.account == "anna" {
							want.Account++
						}
					}
					if got := c.Failures(ip, "anna"); got != want {
						t.Fatalf("Failures(%s) = %+v, want %+v", ip, got, want)
					}
				}
			},
		})
	})
}

func TestConfigReportsEveryFault(t *testing.T) {
	_, err := history.NewCounters(history.Config{Window: time.Millisecond, MaxKeys: -1})
	if err == nil {
		t.Fatal("a config with three faults was taken")
	}
	want := "history counters: window: 1ms is under a second\nmax keys, max tries: below 1\nnow: missing"
	if diff := cmp.Diff(want, err.Error()); diff != "" {
		t.Error(diff)
	}
}

func BenchmarkBeginAndSettle(b *testing.B) {
	c, err := history.NewCounters(history.Config{Now: time.Now})
	if err != nil {
		b.Fatal(err)
	}
	for n := 0; b.Loop(); n++ {
		it := try(n, netip.AddrFrom4([4]byte{10, byte(n >> 16), byte(n >> 8), byte(n)}), "anna")
		c.Begin(it)
		c.Settle(it, history.Failed, time.Now())
	}
}
