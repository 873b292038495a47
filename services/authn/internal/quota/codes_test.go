package quota_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/quota"
)

var rules = quota.Rules{Interval: 30 * time.Second, PerHour: 10, PerDay: 20, PerNetworkDay: 300, PerDeploymentHour: 80}

// address has been sent so many codes from noon on, one each interval.
func address(times int) (b quota.Budget) {
	for i := range times {
		b.Used = append(b.Used, quota.Use{At: noon.Add(time.Duration(i) * rules.Interval), Times: 1})
	}
	return b
}

// shared are the budgets of a place with IPv6, of which some had so many codes sent at noon.
func shared(had map[quota.Scope]int) (all []quota.Shared) {
	for _, place := range quota.Places("2001:db8::1") {
		s := quota.Shared{Scope: place.Scope}
		for range had[s.Scope] {
			s.Budget.Take(rules.Of(s.Scope), noon)
		}
		all = append(all, s)
	}
	return all
}

func totals(all []quota.Shared) map[quota.Scope]int {
	had := map[quota.Scope]int{}
	for _, s := range all {
		had[s.Scope] = total(s.Budget)
	}
	return had
}

func total(b quota.Budget) (n int) {
	for _, use := range b.Used {
		n += use.Times
	}
	return n
}

func TestSend(t *testing.T) {
	refused := func(bound quota.Bound, retryIn time.Duration) quota.Verdict {
		return quota.Verdict{Bound: bound, RetryIn: retryIn}
	}
	priced := func(bound quota.Bound, retryIn time.Duration, effort int) quota.Verdict {
		return quota.Verdict{Bound: bound, RetryIn: retryIn, Effort: effort}
	}
	type had map[quota.Scope]int
	sent := quota.Verdict{}
	const day = 24 * time.Hour
	const soon = time.Hour + 4*time.Minute // when a minute ago counts as five minutes past noon
	for name, c := range map[string]struct {
		ofAddress        int // codes sent before
		ofMany           had
		after            time.Duration
		solved           bool
		strangers, known quota.Verdict
	}{
		"the first":                             {0, nil, 0, false, sent, sent},
		"the second, a moment later":            {1, nil, 29 * time.Second, false, refused(quota.Interval, time.Second), refused(quota.Interval, time.Second)},
		"the second, with a solved challenge":   {1, nil, 29 * time.Second, true, refused(quota.Interval, time.Second), refused(quota.Interval, time.Second)},
		"the second, after the interval":        {1, nil, 30 * time.Second, false, sent, sent},
		"the tenth of an hour":                  {9, nil, 10 * time.Minute, false, sent, sent},
		"the eleventh of an hour":               {10, nil, 10 * time.Minute, false, priced(quota.Hour, 50*time.Minute, 1), refused(quota.Hour, 50*time.Minute)},
		"the eleventh, with a solved challenge": {10, nil, 10 * time.Minute, true, sent, refused(quota.Hour, 50*time.Minute)},
		"the eleventh, an hour later":           {10, nil, time.Hour, false, sent, sent},
		"the twentieth of a day":                {19, nil, 2 * time.Hour, false, sent, sent},
		"the twenty-first of a day":             {20, nil, 2 * time.Hour, false, refused(quota.Day, day-2*time.Hour), refused(quota.Day, day-2*time.Hour)},
		"the twenty-first, with a challenge":    {20, nil, 10 * time.Minute, true, refused(quota.Day, day-10*time.Minute), refused(quota.Day, day-10*time.Minute)},
		"the twenty-first, a day later":         {20, nil, day, false, sent, sent},

		"a network's three-hundredth":            {0, had{quota.Network: 299}, time.Minute, false, sent, sent},
		"a network's three-hundred-first":        {0, had{quota.Network: 300}, time.Minute, false, refused(quota.NetworkDay, day+59*time.Minute), sent},
		"the same, with a solved challenge":      {0, had{quota.Network: 300}, time.Minute, true, refused(quota.NetworkDay, day+59*time.Minute), sent},
		"a network's three-hundred-first, later": {0, had{quota.Network: 300}, day + time.Hour, false, sent, sent},
		"one too many of address and network":    {20, had{quota.Network: 300}, time.Hour, false, refused(quota.Day, day-time.Hour), refused(quota.Day, day-time.Hour)},

		"a site's last":                    {0, had{quota.Site: 7}, time.Minute, false, sent, sent},
		"one too many of a site":           {0, had{quota.Site: 8}, time.Minute, false, refused(quota.SiteHour, soon), sent},
		"the same, with a challenge":       {0, had{quota.Site: 8}, time.Minute, true, refused(quota.SiteHour, soon), sent},
		"one too many of a site, later":    {0, had{quota.Site: 8}, time.Hour + 5*time.Minute, false, sent, sent},
		"a provider's last":                {0, had{quota.Provider: 19}, time.Minute, false, sent, sent},
		"one too many of a provider":       {0, had{quota.Provider: 20}, time.Minute, true, refused(quota.ProviderHour, soon), sent},
		"one too many of network and site": {0, had{quota.Network: 300, quota.Site: 8}, 0, true, refused(quota.NetworkDay, day+time.Hour), sent},

		"the last of the calm half":           {0, had{quota.Deployment: 39}, time.Minute, false, sent, sent},
		"past half of the deployment's":       {0, had{quota.Deployment: 40}, time.Minute, false, priced(quota.DeploymentHalf, soon, 1), sent},
		"past half, with a solved challenge":  {0, had{quota.Deployment: 40}, time.Minute, true, sent, sent},
		"past half, an hour later":            {0, had{quota.Deployment: 40}, time.Hour + 5*time.Minute, false, sent, sent},
		"the last before the work is doubled": {0, had{quota.Deployment: 49}, time.Minute, false, priced(quota.DeploymentHalf, soon, 1), sent},
		"past five eighths":                   {0, had{quota.Deployment: 50}, time.Minute, false, priced(quota.DeploymentHalf, soon, 2), sent},
		"past six eighths":                    {0, had{quota.Deployment: 60}, time.Minute, false, priced(quota.DeploymentHalf, soon, 4), sent},
		"past seven eighths":                  {0, had{quota.Deployment: 70}, time.Minute, false, priced(quota.DeploymentHalf, soon, 8), sent},
		"the deployment's last":               {0, had{quota.Deployment: 79}, time.Minute, true, sent, sent},
		"one too many of the deployment":      {0, had{quota.Deployment: 80}, time.Minute, false, refused(quota.DeploymentHour, soon), sent},
		"the same, with a solved one":         {0, had{quota.Deployment: 80}, time.Minute, true, refused(quota.DeploymentHour, soon), sent},
		"one too many of it, an hour later":   {0, had{quota.Deployment: 80}, time.Hour + 5*time.Minute, false, sent, sent},

		"an address's eleventh past five eighths": {10, had{quota.Deployment: 50}, 10 * time.Minute, false, priced(quota.Hour, 50*time.Minute, 2),
			refused(quota.Hour, 50*time.Minute)},
		"the same, with one solved for both": {10, had{quota.Deployment: 50}, 10 * time.Minute, true, sent, refused(quota.Hour, 50*time.Minute)},
	} {
		for who, want := range map[quota.Who]quota.Verdict{quota.Strangers: c.strangers, quota.Known: c.known, "nobody we know of": c.strangers} {
			t.Run(name+" for "+string(who), func(t *testing.T) {
				codes := quota.Codes{Address: address(c.ofAddress), Shared: shared(c.ofMany)}
				now := noon.Add(c.after)
				if got := codes.Send(who, rules, c.solved, now); got != want {
					t.Fatalf("%+v; want %+v", got, want)
				}
				if !want.Sent() && total(codes.Address) != c.ofAddress {
					t.Error("a refusal took a code out of the address's budget")
				}
				left := codes.Shared
				if want.Sent() && who != quota.Known {
					expectTaken(t, left, now)
					return
				}
				if diff := cmp.Diff(totals(shared(c.ofMany)), totals(left)); diff != "" {
					t.Errorf("a refusal, or a known device, took a code out of what many share (-before +after):\n%s", diff)
				}
			})
		}
	}
}

// expectTaken wants one code taken out of each of the shared budgets by now.
func expectTaken(t *testing.T, all []quota.Shared, now time.Time) {
	t.Helper()
	for _, s := range all {
		last := len(s.Budget.Used) - 1
		if last < 0 || s.Budget.Used[last].At.Before(now) {
			t.Errorf("no code was taken out of the budget of %s", s.Scope)
		}
	}
}

func TestARuleThatIsMissingSendsStrangersNothing(t *testing.T) {
	for bound, without := range map[quota.Bound]func(*quota.Rules){
		quota.Day:        func(r *quota.Rules) { r.PerDay = 0 },
		quota.NetworkDay: func(r *quota.Rules) { r.PerNetworkDay = 0 },
		quota.SiteHour:   func(r *quota.Rules) { r.PerDeploymentHour = 0 },
	} {
		lacking := rules
		without(&lacking)
		codes := quota.Codes{Shared: shared(nil)}
		if got := codes.Send(quota.Strangers, lacking, true, noon); got.Bound != bound {
			t.Errorf("without the rule of %s: %+v", bound, got)
		}
	}
}

// A record that many share stays small, however many codes they have.
func TestSharedRecordsAreBounded(t *testing.T) {
	generous := quota.Rules{Interval: time.Second, PerHour: 1 << 20, PerDay: 1 << 20, PerNetworkDay: 1 << 20, PerDeploymentHour: 1 << 30}
	all := shared(nil)
	now := noon
	for range 20_000 {
		now = now.Add(7 * time.Second)
		codes := quota.Codes{Shared: all}
		if verdict := codes.Send(quota.Strangers, generous, false, now); !verdict.Sent() {
			t.Fatal(verdict)
		}
		for _, s := range all {
			if most := map[bool]int{true: 25, false: 13}[s.Scope == quota.Network]; len(s.Budget.Used) > most {
				t.Fatalf("%d numbers for %s", len(s.Budget.Used), s.Scope)
			}
		}
	}
}

// However strangers come, from wherever: within no hour does the deployment send them more than its rules say, nor a site or a provider more than its share.
func TestNoHourHasMoreCodesThanItsRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := quota.Rules{PerHour: 1 << 20, PerDay: 1 << 20, PerNetworkDay: 1 << 20, PerDeploymentHour: rapid.IntRange(10, 60).Draw(t, "per hour")}
		budgets := map[quota.Place]quota.Budget{}
		sent := map[quota.Place][]time.Time{}
		now := noon
		for range rapid.IntRange(1, 150).Draw(t, "codes") {
			now = now.Add(time.Duration(rapid.IntRange(0, 240).Draw(t, "seconds")) * time.Second)
			places := quota.Places(rapid.SampledFrom([]string{"2001:db8::1", "2001:db8:0:1::1", "2001:db8:1::1", "2001:db9::1", "192.0.2.1", "192.0.2.2"}).Draw(t, "ip"))
			var codes quota.Codes
			for _, place := range places {
				codes.Shared = append(codes.Shared, quota.Shared{Scope: place.Scope, Budget: budgets[place]})
			}
			if !codes.Send(quota.Strangers, rules, true, now).Sent() {
				continue
			}
			for i, place := range places {
				budgets[place] = codes.Shared[i].Budget
				sent[place] = append(sent[place], now)
				limit := rules.Of(place.Scope)
				if n := len(sent[place]); n > limit.Uses && sent[place][n-1-limit.Uses].Add(limit.Window).After(now) {
					t.Fatalf("%+v was sent more than %d within %v", place, limit.Uses, limit.Window)
				}
			}
		}
	})
}

// Whatever strangers do, in whatever order: known devices get the same verdicts as if there were no strangers, and no mailbox or network gets more than
// its bounds.
func TestStrangersNeverCostAKnownDeviceACode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := quota.Rules{
			Interval: 30 * time.Second, PerHour: rapid.IntRange(1, 4).Draw(t, "per hour"),
			PerDay: rapid.IntRange(1, 8).Draw(t, "per day"), PerNetworkDay: rapid.IntRange(1, 8).Draw(t, "per network"),
			PerDeploymentHour: rapid.IntRange(10, 40).Draw(t, "per deployment"),
		}
		var crowded, alone quota.Codes
		strangers := quota.Codes{Shared: shared(nil)}
		sent := map[quota.Who]int{}
		now := noon
		for range rapid.IntRange(1, 80).Draw(t, "acts") {
			now = now.Add(time.Duration(rapid.IntRange(0, 900).Draw(t, "seconds")) * time.Second)
			if now.Sub(noon) >= 24*time.Hour {
				break
			}
			solved := rapid.Bool().Draw(t, "solved")
			if rapid.Bool().Draw(t, "a stranger") {
				if strangers.Send(quota.Strangers, rules, solved, now).Sent() {
					sent[quota.Strangers]++
				}
				crowded.Shared = strangers.Shared // all of them are in one network
				continue
			}
			with, without := crowded.Send(quota.Known, rules, solved, now), alone.Send(quota.Known, rules, solved, now)
			if with != without {
				t.Fatalf("with strangers %+v, without %+v", with, without)
			}
			if with.Sent() {
				sent[quota.Known]++
			}
		}
		if sent[quota.Known] > rules.PerDay || sent[quota.Strangers] > min(rules.PerDay, rules.PerNetworkDay) {
			t.Fatalf("sent within a day: %v by %+v", sent, rules)
		}
	})
}
