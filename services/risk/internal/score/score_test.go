package score_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// past is a history of sign-ins from these countries, a day apart, the last one at noon.
func past(countries ...geo.Country) history.History {
	var h history.History
	for i, c := range countries {
		n := i + 1
		h = history.Apply(h, history.SignIn{
			EventID:     fmt.Sprintf("evt_%d", n),
			UserVersion: uint64(n),
			At:          noon.AddDate(0, 0, n-len(countries)),
			Country:     c,
		})
	}
	return h
}

func TestDefaultPolicy(t *testing.T) {
	for name, tc := range map[string]struct {
		facts   score.Facts
		gate    score.Gate
		verdict score.Verdict
	}{
		"an owner at home": {
			score.Facts{Account: signal.Account{At: noon.Add(time.Hour), Country: "DE", History: past("DE")}},
			score.Open, score.Allow,
		},
		"a first sign-in": {
			score.Facts{Account: signal.Account{At: noon, Country: "DE"}},
			score.Open, score.Allow,
		},
		"a new country, by air": {
			score.Facts{Account: signal.Account{At: noon.AddDate(0, 0, 7), Country: "BR", History: past("DE")}},
			score.Open, score.VerifyDevice,
		},
		"a known country, faster than by air": {
			score.Facts{Account: signal.Account{At: noon.Add(time.Hour), Country: "BR", History: past("BR", "DE")}},
			score.Open, score.VerifyDevice,
		},
		"an unknown country": {
			score.Facts{Account: signal.Account{At: noon.Add(time.Hour), History: past("DE")}},
			score.Open, score.VerifyDevice,
		},
		"everything at once about the account": {
			score.Facts{Account: signal.Account{At: noon, Country: "BR", History: past("DE"), Failures: 10_000}},
			score.Open, score.VerifyDevice,
		},
		"an address that fails often": {
			score.Facts{Origin: signal.Origin{IPFailures: 30}, Account: signal.Account{At: noon, Country: "DE", History: past("DE")}},
			score.Challenge, score.Allow,
		},
		"an address that fails very often": {
			score.Facts{Origin: signal.Origin{IPFailures: 150}, Account: signal.Account{At: noon, Country: "DE", History: past("DE")}},
			score.Block, score.Allow,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := score.Decide(score.DefaultPolicy(), tc.facts)
			if got.Gate != tc.gate || got.Verdict != tc.verdict {
				t.Errorf("%s and %s, want %s and %s", got.Gate, got.Verdict, tc.gate, tc.verdict)
			}
		})
	}
}

var countries = rapid.SampledFrom([]geo.Country{geo.Unknown, "DE", "FR", "BR", "JP"})

func drawFacts(t *rapid.T, label string) score.Facts {
	return score.Facts{
		Origin: signal.Origin{IPFailures: rapid.IntRange(0, 300).Draw(t, label+" IP failures")},
		Account: signal.Account{
			At:       noon.Add(time.Duration(rapid.IntRange(-5, 100).Draw(t, label+" hours")) * time.Hour),
			Country:  countries.Draw(t, label+" country"),
			History:  past(rapid.SliceOfN(countries, 0, 4).Draw(t, label+" past")...),
			Failures: rapid.IntRange(0, 20).Draw(t, label+" failures"),
		},
	}
}

func drawPolicy(t *rapid.T) score.Policy {
	caps := rapid.SampledFrom([]score.Verdict{score.Allow, score.VerifyDevice, score.Refuse})
	p := score.DefaultPolicy()
	p.Caps = score.Caps{
		AccountFailures:  rapid.SampledFrom([]score.Verdict{score.Allow, score.VerifyDevice}).Draw(t, "account failures"),
		UnknownCountry:   caps.Draw(t, "unknown country"),
		NewCountry:       caps.Draw(t, "new country"),
		ImpossibleTravel: caps.Draw(t, "impossible travel"),
	}
	p.Limits.IPFailuresRaised = rapid.IntRange(1, 100).Draw(t, "raised")
	p.Limits.IPFailuresHigh = rapid.IntRange(p.Limits.IPFailuresRaised, 200).Draw(t, "high")
	p.Limits.AccountFailuresRaised = rapid.IntRange(1, 20).Draw(t, "account")
	return p
}

func TestTheGateDoesNotReadTheAccount(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, a, b := drawPolicy(t), drawFacts(t, "one"), drawFacts(t, "other")
		b.Origin = a.Origin
		one, other := score.Decide(p, a), score.Decide(p, b)
		if one.Gate != other.Gate {
			t.Fatalf("%s and %s, and the accounts are all that differs", one.Gate, other.Gate)
		}
		n := len(signal.OriginNames())
		if diff := cmp.Diff(one.Contributions[:n], other.Contributions[:n]); diff != "" {
			t.Fatalf("the gate's explanation reads the account: %s", diff)
		}
	})
}

func TestTheVerdictDoesNotReadTheOrigin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, f := drawPolicy(t), drawFacts(t, "facts")
		calm := f
		calm.Origin = signal.Origin{}
		if a, b := score.Decide(p, f).Verdict, score.Decide(p, calm).Verdict; a != b {
			t.Fatalf("%s and %s, and the origin is all that differs", a, b)
		}
	})
}

// worse makes one fact worse. Losing the country is not among them: what that demands is the operator's choice.
var worse = map[string]func(*score.Facts){
	"more failures of the address": func(f *score.Facts) { f.Origin.IPFailures += 7 },
	"more failures of the account": func(f *score.Facts) { f.Account.Failures += 3 },
	"less time to travel":          func(f *score.Facts) { f.Account.At = f.Account.At.Add(-3 * time.Hour) },
	"the country was never seen": func(f *score.Facts) {
		h := f.Account.History
		seen := map[geo.Country]history.Seen{}
		for c, s := range h.Countries {
			if c != f.Account.Country {
				seen[c] = s
			}
		}
		h.Countries = seen
		f.Account.History = h
	},
}

func TestABadSignalNeverLowersADecision(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, f := drawPolicy(t), drawFacts(t, "facts")
		before := score.Decide(p, f)
		for name, step := range worse {
			bad := f
			step(&bad)
			if after := score.Decide(p, bad); after.Gate < before.Gate || after.Verdict < before.Verdict {
				t.Fatalf("%s: from %s, %s to %s, %s", name, before.Gate, before.Verdict, after.Gate, after.Verdict)
			}
		}
	})
}

func TestHidingTheCountryDoesNotPayByDefault(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := drawFacts(t, "facts")
		hidden := f
		hidden.Account.Country = geo.Unknown
		p := score.DefaultPolicy()
		if seen, unseen := score.Decide(p, f).Verdict, score.Decide(p, hidden).Verdict; unseen < seen {
			t.Fatalf("%s from %s, but %s from nowhere", seen, f.Account.Country, unseen)
		}
	})
}

func TestADecisionIsTheHighestContribution(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p, f := drawPolicy(t), drawFacts(t, "facts")
		d := score.Decide(p, f)
		gate, verdict := score.Open, score.Allow
		for _, c := range d.Contributions {
			gate, verdict = max(gate, c.Gate), max(verdict, c.Verdict)
			if (c.Gate == 0) == (c.Verdict == 0) {
				t.Fatalf("%s demands of both or neither: %+v", c.Name, c)
			}
		}
		if d.Gate != gate || d.Verdict != verdict {
			t.Fatalf("%s and %s, but the contributions come to %s and %s", d.Gate, d.Verdict, gate, verdict)
		}
		if diff := cmp.Diff(d, score.Decide(p, f)); diff != "" {
			t.Fatalf("decided again: %s", diff)
		}
	})
}

func TestCapsHold(t *testing.T) {
	f := score.Facts{Account: signal.Account{At: noon, Country: "BR", History: past("DE")}}
	for limit, want := range map[score.Verdict]score.Verdict{
		score.Allow: score.Allow, score.VerifyDevice: score.VerifyDevice, score.Refuse: score.Refuse,
	} {
		p := score.DefaultPolicy()
		p.Caps.NewCountry, p.Caps.ImpossibleTravel = limit, limit
		if got := score.Decide(p, f).Verdict; got != want {
			t.Errorf("capped at %s: %s", limit, got)
		}
	}
}

func TestAPolicyThatIsMissingRefuses(t *testing.T) {
	f := score.Facts{Account: signal.Account{At: noon, Country: "BR", History: past("DE")}}
	if got := score.Decide(score.Policy{}, f); got.Gate != score.Block || got.Verdict != score.Refuse {
		t.Errorf("%s and %s, want block and refuse", got.Gate, got.Verdict)
	}
}

func TestPolicyReportsEveryFault(t *testing.T) {
	if err := score.DefaultPolicy().Validate(); err != nil {
		t.Errorf("the default policy: %v", err)
	}
	p := score.DefaultPolicy()
	p.Limits.IPFailuresRaised = 0
	p.Caps = score.Caps{AccountFailures: score.Refuse, NewCountry: 9, ImpossibleTravel: score.Refuse}
	err := p.Validate()
	if err == nil {
		t.Fatal("a policy with four faults was taken")
	}
	for _, field := range []string{"ip_failures_raised", "caps.account_failures", "caps.unknown_country", "caps.new_country"} {
		if !strings.Contains(err.Error(), field+":") {
			t.Errorf("no word of %s in: %v", field, err)
		}
	}
	if strings.Contains(err.Error(), "impossible_travel") {
		t.Errorf("refusing impossible travel is an operator's choice: %v", err)
	}
}

func TestLevelsAreWrittenByName(t *testing.T) {
	p := score.DefaultPolicy().Caps
	p.NewCountry = score.Refuse
	text, err := json.Marshal(p)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"account_failures":"verify_device","unknown_country":"verify_device","new_country":"refuse","impossible_travel":"verify_device"}`
	if diff := cmp.Diff(want, string(text)); diff != "" {
		t.Error(diff)
	}
	var back score.Caps
	if err := json.Unmarshal(text, &back); err != nil || back != p {
		t.Errorf("came back as %+v, %v", back, err)
	}
	var g score.Gate
	for _, text := range []string{"", "unset", "allow", "Open", "1"} {
		if g.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q passed for a gate", text)
		}
	}
	if score.Gate(0).String() != "unset" || score.Verdict(77).String() != "unset" {
		t.Error("a level that is none has a name")
	}
}

func BenchmarkDecide(b *testing.B) {
	p := score.DefaultPolicy()
	f := score.Facts{Account: signal.Account{At: noon.Add(time.Hour), Country: "BR", History: past("DE")}}
	b.ReportAllocs()
	for b.Loop() {
		score.Decide(p, f)
	}
}
