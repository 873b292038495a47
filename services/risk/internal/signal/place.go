package signal

import (
	"fmt"
	"time"

	"github.com/doorward/doorward/services/risk/internal/geo"
)

func unknownCountry(a Account) Signal {
	if a.Country.Known() {
		return Signal{UnknownCountry, Quiet, string(a.Country), fmt.Sprintf("The address is in %s.", a.Country.Name())}
	}
	return Signal{UnknownCountry, Raised, "", "The address has no country: it is private or reserved, or the country data doesn't know it."}
}

func newCountry(a Account) Signal {
	s := Signal{Name: NewCountry, Strength: Quiet, Value: string(a.Country)}
	switch {
	case !a.Country.Known():
		s.Value = ""
		s.Reason = "Not judged: the address has no country."
	case a.History.Knows(a.Country):
		seen := a.History.Countries[a.Country]
		s.Reason = fmt.Sprintf("The user has signed in from %s before, first on %s.", a.Country.Name(), seen.First.UTC().Format(time.DateOnly))
	case a.History.SignIns == 0:
		s.Reason = "Not judged: there is no sign-in yet to compare with."
	default:
		s.Strength = Raised
		s.Reason = fmt.Sprintf("The user has never signed in from %s.", a.Country.Name())
	}
	return s
}

// impossibleTravel compares with the last sign-in of the user's own whose country is known. The way is geo.Gap, a lower bound
// between any two places of the two mainlands, so that a short trip over a border, or across a large country, isn't taken for a
// flight. A sign-in dated before the last one leaves no time to travel.
//
// The rule knows countries only. It says nothing about journeys within one or between neighbours, and it takes a VPN or a
// roaming phone for a traveller: that is why by default it asks for a second check and no more.
func impossibleTravel(a Account, l Limits) Signal {
	s := Signal{Name: ImpossibleTravel, Strength: Quiet}
	if !a.Country.Known() {
		s.Reason = "Not judged: the address has no country."
		return s
	}
	last, ok := a.History.LastPlaced()
	if !ok {
		s.Reason = "Not judged: no earlier sign-in from a known country."
		return s
	}
	km, ok := geo.Gap(last.Country, a.Country)
	if !ok {
		s.Reason = fmt.Sprintf("Not judged: the distance from %s to %s isn't known.", last.Country.Name(), a.Country.Name())
		return s
	}
	elapsed := max(0, a.At.Sub(last.At))
	needed := time.Duration(km / l.TravelKmh * float64(time.Hour))
	s.Value = fmt.Sprintf("%.0f km in %s", km, elapsed.Round(time.Second))
	if needed <= elapsed {
		s.Reason = fmt.Sprintf("From %s to %s takes at least %s; the last sign-in was %s ago.",
			last.Country.Name(), a.Country.Name(), needed.Round(time.Minute), elapsed.Round(time.Minute))
		return s
	}
	s.Strength = Raised
	s.Reason = fmt.Sprintf("From %s to %s is at least %.0f km, %s at %.0f km/h; the last sign-in was only %s ago.",
		last.Country.Name(), a.Country.Name(), km, needed.Round(time.Minute), l.TravelKmh, elapsed.Round(time.Minute))
	return s
}
