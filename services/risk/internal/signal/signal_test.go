package signal_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
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

// of returns one signal of an account.
func of(t *testing.T, name signal.Name, a signal.Account) signal.Signal {
	t.Helper()
	for _, s := range signal.FromAccount(a, signal.DefaultLimits()) {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no signal %s", name)
	return signal.Signal{}
}

func TestIPFailures(t *testing.T) {
	limits := signal.DefaultLimits()
	for _, tc := range []struct {
		failures int
		want     signal.Strength
	}{
		{0, signal.Quiet},
		{limits.IPFailuresRaised - 1, signal.Quiet},
		{limits.IPFailuresRaised, signal.Raised},
		{limits.IPFailuresHigh - 1, signal.Raised},
		{limits.IPFailuresHigh, signal.High},
		{math.MaxInt, signal.High},
	} {
		got := signal.FromOrigin(signal.Origin{IPFailures: tc.failures}, limits)[0]
		if got.Name != signal.IPFailures || got.Strength != tc.want || got.Value != fmt.Sprint(tc.failures) {
			t.Errorf("%d failures: %+v, want %s", tc.failures, got, tc.want)
		}
	}
}

func TestAccountFailures(t *testing.T) {
	limit := signal.DefaultLimits().AccountFailuresRaised
	for failures, want := range map[int]signal.Strength{0: signal.Quiet, limit - 1: signal.Quiet, limit: signal.Raised, 10 * limit: signal.Raised} {
		if got := of(t, signal.AccountFailures, signal.Account{Failures: failures}); got.Strength != want {
			t.Errorf("%d failures: %s, want %s", failures, got.Strength, want)
		}
	}
}

func TestUnknownCountryIsASignalOfItsOwn(t *testing.T) {
	for country, want := range map[geo.Country]signal.Strength{"DE": signal.Quiet, geo.Unknown: signal.Raised, "ZZ": signal.Raised} {
		if got := of(t, signal.UnknownCountry, signal.Account{Country: country}); got.Strength != want {
			t.Errorf("country %q: %s, want %s", country, got.Strength, want)
		}
	}
}

func TestNewCountry(t *testing.T) {
	for name, tc := range map[string]struct {
		history history.History
		country geo.Country
		want    signal.Strength
	}{
		"the usual country":                       {past("DE", "DE"), "DE", signal.Quiet},
		"a country of long ago":                   {past("FR", "DE", "DE"), "FR", signal.Quiet},
		"a country never seen":                    {past("DE"), "BR", signal.Raised},
		"the first sign-in of all":                {past(), "DE", signal.Quiet},
		"only unknown countries before":           {past(geo.Unknown), "DE", signal.Raised},
		"unknown now, which has its own signal":   {past("DE"), geo.Unknown, signal.Quiet},
		"not even unknown countries become known": {past(geo.Unknown), geo.Unknown, signal.Quiet},
	} {
		t.Run(name, func(t *testing.T) {
			if got := of(t, signal.NewCountry, signal.Account{Country: tc.country, History: tc.history}); got.Strength != tc.want {
				t.Errorf("%s: %s, want %s", got.Reason, got.Strength, tc.want)
			}
		})
	}
}

func TestImpossibleTravel(t *testing.T) {
	for name, tc := range map[string]struct {
		history history.History
		country geo.Country
		after   time.Duration
		want    signal.Strength
	}{
		"the same country at once":         {past("DE"), "DE", 0, signal.Quiet},
		"a neighbour at once":              {past("DE"), "FR", 0, signal.Quiet},
		"another continent in an hour":     {past("DE"), "BR", time.Hour, signal.Raised},
		"another continent in a day":       {past("DE"), "BR", 24 * time.Hour, signal.Quiet},
		"dated before the last one":        {past("DE"), "BR", -24 * time.Hour, signal.Raised},
		"no history":                       {past(), "BR", 0, signal.Quiet},
		"only unknown countries before":    {past(geo.Unknown), "BR", 0, signal.Quiet},
		"unknown now":                      {past("DE"), geo.Unknown, 0, signal.Quiet},
		"a known country behind unknown":   {past("DE", geo.Unknown), "BR", -23 * time.Hour, signal.Raised},
		"back to a country known for long": {past("BR", "DE"), "BR", time.Hour, signal.Raised},
	} {
		t.Run(name, func(t *testing.T) {
			got := of(t, signal.ImpossibleTravel, signal.Account{At: noon.Add(tc.after), Country: tc.country, History: tc.history})
			if got.Strength != tc.want {
				t.Errorf("%s: %s, want %s", got.Reason, got.Strength, tc.want)
			}
		})
	}
}

func TestADisownedSignInIsNoPlaceToTravelFrom(t *testing.T) {
	h := history.Apply(past("DE"), history.SignIn{EventID: "evt_9", SessionID: "ses_9", UserVersion: 9, At: noon, Country: "BR"})
	owner := signal.Account{At: noon.Add(time.Hour), Country: "DE", History: h}
	if got := of(t, signal.ImpossibleTravel, owner); got.Strength != signal.Raised {
		t.Errorf("after a stranger's sign-in: %s, want raised", got.Strength)
	}
	owner.History = history.Disown(h, "ses_9")
	if got := of(t, signal.ImpossibleTravel, owner); got.Strength != signal.Quiet {
		t.Errorf("after it was disowned: %s, want quiet", got.Strength)
	}
}

func TestReasonsReadWell(t *testing.T) {
	stranger := signal.Account{At: noon.Add(time.Hour), Country: "BR", History: past("DE"), Failures: 6}
	var got []string
	for _, s := range signal.FromAccount(stranger, signal.DefaultLimits()) {
		got = append(got, s.Value+": "+s.Reason)
	}
	want := []string{
		"6: 6 failed or open tries against this account of late; 5 is the limit.",
		"BR: The address is in Brazil.",
		"BR: The user has never signed in from Brazil.",
	}
	if diff := cmp.Diff(want, got[:3]); diff != "" {
		t.Error(diff)
	}
	if travel := got[3]; !strings.Contains(travel, "From Germany to Brazil is at least ") || !strings.HasSuffix(travel, "the last sign-in was only 1h0m0s ago.") {
		t.Errorf("impossible travel reads %q", travel)
	}
}

// Whatever the facts, each signal is there once, with a strength and a reason.
func TestEverySignalIsAlwaysExplained(t *testing.T) {
	countries := rapid.SampledFrom([]geo.Country{geo.Unknown, "DE", "BR", "TV", "AQ", "ZZ", "nonsense"})
	rapid.Check(t, func(t *rapid.T) {
		a := signal.Account{
			At:       noon.Add(time.Duration(rapid.Int64().Draw(t, "offset"))),
			Country:  countries.Draw(t, "country"),
			History:  past(rapid.SliceOfN(countries, 0, 5).Draw(t, "past")...),
			Failures: rapid.Int().Draw(t, "failures"),
		}
		o := signal.Origin{IPFailures: rapid.Int().Draw(t, "IP failures")}
		check := func(signals []signal.Signal, names []signal.Name) {
			for i, s := range signals {
				if i >= len(names) || s.Name != names[i] || s.Strength < signal.Quiet || s.Strength > signal.High || s.Reason == "" {
					t.Fatalf("signal %d is %+v, want one of %v", i, s, names)
				}
			}
			if len(signals) != len(names) {
				t.Fatalf("%d signals for %v", len(signals), names)
			}
		}
		check(signal.FromOrigin(o, signal.DefaultLimits()), signal.OriginNames())
		check(signal.FromAccount(a, signal.DefaultLimits()), signal.AccountNames())
	})
}

func TestLimitsReportEveryFault(t *testing.T) {
	if err := signal.DefaultLimits().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	err := signal.Limits{IPFailuresHigh: -1, TravelKmh: math.NaN()}.Validate()
	if err == nil {
		t.Fatal("limits with four faults were taken")
	}
	for _, field := range []string{"ip_failures_raised", "ip_failures_high", "account_failures_raised", "travel_kmh"} {
		if !strings.Contains(err.Error(), field+":") {
			t.Errorf("no word of %s in: %v", field, err)
		}
	}
}

func TestStrengthIsWrittenByName(t *testing.T) {
	for s := signal.Quiet; s <= signal.High; s++ {
		text, err := s.MarshalText()
		var back signal.Strength
		if err != nil || back.UnmarshalText(text) != nil || back != s {
			t.Errorf("%s came back as %s", s, back)
		}
	}
	var s signal.Strength
	for _, text := range []string{"", "unset", "QUIET", "4"} {
		if s.UnmarshalText([]byte(text)) == nil {
			t.Errorf("%q passed for a strength", text)
		}
	}
}
