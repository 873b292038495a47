package quota_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/quota"
)

var rules = quota.Rules{Interval: 30 * time.Second, PerHour: 10, PerDay: 20, PerNetworkDay: 300}

// address has been sent so many codes from noon on, one each interval.
func address(times int) (b quota.Budget) {
	for i := range times {
		b.Used = append(b.Used, quota.Use{At: noon.Add(time.Duration(i) * rules.Interval), Times: 1})
	}
	return b
}

// network has had so many sent at noon.
func network(times int) (b quota.Budget) {
	for range times {
		b.Take(quota.Limit{Window: 24 * time.Hour, Slot: time.Hour}, noon)
	}
	return b
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
	sent := quota.Verdict{}
	const day = 24 * time.Hour
	for name, c := range map[string]struct {
		ofAddress, ofNetwork int // codes sent before
		after                time.Duration
		solved               bool
		strangers, known     quota.Verdict
	}{
		"the first":                               {0, 0, 0, false, sent, sent},
		"the second, a moment later":              {1, 0, 29 * time.Second, false, refused(quota.Interval, time.Second), refused(quota.Interval, time.Second)},
		"the second, with a solved challenge":     {1, 0, 29 * time.Second, true, refused(quota.Interval, time.Second), refused(quota.Interval, time.Second)},
		"the second, after the interval":          {1, 0, 30 * time.Second, false, sent, sent},
		"the tenth of an hour":                    {9, 0, 10 * time.Minute, false, sent, sent},
		"the eleventh of an hour":                 {10, 0, 10 * time.Minute, false, refused(quota.Hour, 50*time.Minute), refused(quota.Hour, 50*time.Minute)},
		"the eleventh, with a solved challenge":   {10, 0, 10 * time.Minute, true, sent, refused(quota.Hour, 50*time.Minute)},
		"the eleventh, an hour later":             {10, 0, time.Hour, false, sent, sent},
		"the twentieth of a day":                  {19, 0, 2 * time.Hour, false, sent, sent},
		"the twenty-first of a day":               {20, 0, 2 * time.Hour, false, refused(quota.Day, day-2*time.Hour), refused(quota.Day, day-2*time.Hour)},
		"the twenty-first, with a challenge":      {20, 0, 10 * time.Minute, true, refused(quota.Day, day-10*time.Minute), refused(quota.Day, day-10*time.Minute)},
		"the twenty-first, a day later":           {20, 0, day, false, sent, sent},
		"a network's three-hundredth":             {0, 299, time.Minute, false, sent, sent},
		"a network's three-hundred-first":         {0, 300, time.Minute, false, refused(quota.NetworkDay, day+59*time.Minute), sent},
		"the same, with a solved challenge":       {0, 300, time.Minute, true, refused(quota.NetworkDay, day+59*time.Minute), sent},
		"a network's three-hundred-first, later":  {0, 300, day + time.Hour, false, sent, sent},
		"one too many of the address and network": {20, 300, time.Hour, false, refused(quota.Day, day-time.Hour), refused(quota.Day, day-time.Hour)},
	} {
		for who, want := range map[quota.Who]quota.Verdict{quota.Strangers: c.strangers, quota.Known: c.known, "nobody we know of": c.strangers} {
			t.Run(name+" for "+string(who), func(t *testing.T) {
				codes := quota.Codes{Address: address(c.ofAddress), Network: network(c.ofNetwork)}
				if got := codes.Send(who, rules, c.solved, noon.Add(c.after)); got != want {
					t.Fatalf("%+v; want %+v", got, want)
				}
				if !want.Sent() && total(codes.Address) != c.ofAddress {
					t.Error("a refusal took a code out of the address's budget")
				}
				if (!want.Sent() || who == quota.Known) && total(codes.Network) != c.ofNetwork {
					t.Error("a refusal, or a known device, took a code out of the network's budget")
				}
			})
		}
	}
}

func TestOnlyTheHoursBoundIsLifted(t *testing.T) {
	for _, bound := range append(quota.Bounds(), "") {
		verdict := quota.Verdict{Bound: bound}
		if got, want := verdict.Liftable(quota.Strangers), bound == quota.Hour; got != want {
			t.Errorf("%q is liftable: %t", bound, got)
		}
		if verdict.Liftable(quota.Known) {
			t.Errorf("%q is liftable on a known device", bound)
		}
	}
}

// A network's record stays small, however many codes it may have.
func TestANetworksRecordIsBounded(t *testing.T) {
	generous := quota.Rules{Interval: time.Second, PerHour: 1 << 20, PerDay: 1 << 20, PerNetworkDay: 1 << 20}
	var network quota.Budget
	now := noon
	for range 20_000 {
		now = now.Add(7 * time.Second)
		codes := quota.Codes{Network: network}
		if verdict := codes.Send(quota.Strangers, generous, false, now); !verdict.Sent() {
			t.Fatal(verdict)
		}
		network = codes.Network
		if len(network.Used) > 25 {
			t.Fatalf("%d numbers", len(network.Used))
		}
	}
}

// Whatever strangers do, in whatever order: known devices get the same verdicts as if there were no strangers, and no mailbox or network gets more than
// its bounds.
func TestStrangersNeverCostAKnownDeviceACode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := quota.Rules{
			Interval: 30 * time.Second, PerHour: rapid.IntRange(1, 4).Draw(t, "per hour"),
			PerDay: rapid.IntRange(1, 8).Draw(t, "per day"), PerNetworkDay: rapid.IntRange(1, 8).Draw(t, "per network"),
		}
		var crowded, alone, strangers quota.Codes
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
				crowded.Network = strangers.Network // all of them are in one
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
