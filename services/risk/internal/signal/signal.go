package signal

import (
	"errors"
	"fmt"
	"time"

	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
)

// Name is one of a constant set, the one that DecisionService promises: it labels metrics and explains decisions.
type Name string

// The signals.
const (
	IPFailures       Name = "failures.ip"
	AccountFailures  Name = "failures.account"
	UnknownCountry   Name = "country.unknown"
	NewCountry       Name = "country.new"
	ImpossibleTravel Name = "travel.impossible"
)

// OriginNames and AccountNames list the signals of each kind in the order in which they are returned.
func OriginNames() []Name { return []Name{IPFailures} }

// AccountNames lists the signals of the account; see OriginNames.
func AccountNames() []Name {
	return []Name{AccountFailures, UnknownCountry, NewCountry, ImpossibleTravel}
}

// Strength is how loud a signal is.
type Strength uint8

// Strengths in order; the zero value is none and belongs to no signal.
const (
	Quiet Strength = iota + 1
	Raised
	High
)

func (s Strength) String() string {
	switch s {
	case Quiet:
		return "quiet"
	case Raised:
		return "raised"
	case High:
		return "high"
	default:
		return "unset"
	}
}

// MarshalText writes the name, for records.
func (s Strength) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// UnmarshalText takes the names that MarshalText writes, save "unset".
func (s *Strength) UnmarshalText(text []byte) error {
	for known := Quiet; known <= High; known++ {
		if known.String() == string(text) {
			*s = known
			return nil
		}
	}
	return fmt.Errorf("%q is no strength of a signal", text)
}

// Signal is one observation.
type Signal struct {
	Name     Name     `json:"name"`
	Strength Strength `json:"strength"`
	Value    string   `json:"value,omitempty"` // what was observed, short and stable enough to search for: "12", "BR", "8123 km in 1h0m0s"
	Reason   string   `json:"reason"`          // a sentence for the operator, without any identifier
}

// Origin is what is known of where a request comes from, whatever account it names.
type Origin struct {
	IPFailures int // as counted before this try
}

// Account is what is known of the account that a request names, beside where it comes from now.
type Account struct {
	At       time.Time       // of this try
	Country  geo.Country     // of this try; geo.Unknown if the address has none
	History  history.History // of the user; empty for a new one, and for an identifier that nobody has
	Failures int             // against this account, as counted before this try
}

// Limits say from when on a signal is raised.
type Limits struct {
	IPFailuresRaised      int     `json:"ip_failures_raised"`      // failures of an address in the window
	IPFailuresHigh        int     `json:"ip_failures_high"`        // at least IPFailuresRaised
	AccountFailuresRaised int     `json:"account_failures_raised"` // failures against an account in the window
	TravelKmh             float64 `json:"travel_kmh"`              // the fastest that people travel
}

// DefaultLimits are meant for history.DefaultWindow. Addresses get more room than accounts because an office or a mobile
// network is one address, and tries in flight count. 900 km/h is the cruising speed of an airliner (Mach 0.85 at 11 km is
// 903 km/h): no door-to-door journey reaches it.
func DefaultLimits() Limits {
	return Limits{IPFailuresRaised: 30, IPFailuresHigh: 150, AccountFailuresRaised: 5, TravelKmh: 900}
}

// Validate reports every fault at once.
func (l Limits) Validate() error {
	var faults []error
	fault := func(bad bool, text string) {
		if bad {
			faults = append(faults, errors.New(text))
		}
	}
	fault(l.IPFailuresRaised < 1, "ip_failures_raised: below 1, which would raise it for everybody")
	fault(l.IPFailuresHigh < l.IPFailuresRaised, "ip_failures_high: below ip_failures_raised")
	fault(l.AccountFailuresRaised < 1, "account_failures_raised: below 1, which would raise it for everybody")
	// Written so that NaN is a fault.
	fault(!(l.TravelKmh >= 100 && l.TravelKmh <= 10_000), "travel_kmh: not between 100 and 10000")
	return errors.Join(faults...)
}

// FromOrigin returns the signals of the origin, one per name.
func FromOrigin(o Origin, l Limits) []Signal {
	return []Signal{ipFailures(o, l)}
}

// FromAccount returns the signals of the account, one per name.
func FromAccount(a Account, l Limits) []Signal {
	return []Signal{accountFailures(a, l), unknownCountry(a), newCountry(a), impossibleTravel(a, l)}
}

func ipFailures(o Origin, l Limits) Signal {
	s := Signal{Name: IPFailures, Strength: Quiet, Value: fmt.Sprint(o.IPFailures)}
	switch {
	case o.IPFailures >= l.IPFailuresHigh:
		s.Strength = High
		s.Reason = fmt.Sprintf("%s from this address of late; %d is the upper limit.", failures(o.IPFailures), l.IPFailuresHigh)
	case o.IPFailures >= l.IPFailuresRaised:
		s.Strength = Raised
		s.Reason = fmt.Sprintf("%s from this address of late; %d is the lower limit.", failures(o.IPFailures), l.IPFailuresRaised)
	default:
		s.Reason = fmt.Sprintf("%s from this address of late, under the limit of %d.", failures(o.IPFailures), l.IPFailuresRaised)
	}
	return s
}

func accountFailures(a Account, l Limits) Signal {
	s := Signal{Name: AccountFailures, Strength: Quiet, Value: fmt.Sprint(a.Failures)}
	if a.Failures >= l.AccountFailuresRaised {
		s.Strength = Raised
		s.Reason = fmt.Sprintf("%s against this account of late; %d is the limit.", failures(a.Failures), l.AccountFailuresRaised)
		return s
	}
	s.Reason = fmt.Sprintf("%s against this account of late, under the limit of %d.", failures(a.Failures), l.AccountFailuresRaised)
	return s
}

func failures(n int) string {
	if n == 1 {
		return "1 failed or open try"
	}
	return fmt.Sprintf("%d failed or open tries", n)
}
