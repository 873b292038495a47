package decision

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
)

// Purpose is what an assessed attempt is for.
type Purpose uint8

// The purposes; the zero value is none.
const (
	SignUp Purpose = iota + 1
	SignIn
)

func (p Purpose) String() string {
	switch p {
	case SignUp:
		return "sign_up"
	case SignIn:
		return "sign_in"
	default:
		return "unset"
	}
}

// MarshalText writes the name, for records.
func (p Purpose) MarshalText() ([]byte, error) { return []byte(p.String()), nil }

// UnmarshalText takes the names that MarshalText writes, save "unset".
func (p *Purpose) UnmarshalText(text []byte) error {
	for known := SignUp; known <= SignIn; known++ {
		if known.String() == string(text) {
			*p = known
			return nil
		}
	}
	return fmt.Errorf("%q is no purpose of an attempt", text)
}

// Record is one assessment, kept.
type Record struct {
	ID            string               `json:"id"` // dec_…: records are in the order in which they were made
	At            time.Time            `json:"at"`
	Purpose       Purpose              `json:"purpose"`
	AttemptID     string               `json:"attempt_id"`
	UserID        string               `json:"user_id,omitempty"` // empty if the identifier belonged to nobody
	IP            netip.Addr           `json:"ip"`
	Country       geo.Country          `json:"country,omitempty"`
	KnownDevice   bool                 `json:"known_device,omitempty"`
	Gate          score.Gate           `json:"gate"`
	Verdict       score.Verdict        `json:"verdict"`
	Contributions []score.Contribution `json:"contributions"` // strongest first
	PolicyVersion uint64               `json:"policy_version"`
}

// Answer completes a record with what was decided.
func (r Record) Answer(d score.Decision) Record {
	r.Gate, r.Verdict = d.Gate, d.Verdict
	r.Contributions = strongestFirst(d.Contributions)
	return r
}

// Raised names the signals that raised the gate or the verdict, strongest first. A loud signal whose cap is to allow isn't
// among them: it changed nothing.
func (r Record) Raised() []signal.Name {
	var names []signal.Name
	for _, c := range r.Contributions {
		if c.Gate > score.Open || c.Verdict > score.Allow {
			names = append(names, c.Name)
		}
	}
	return names
}

// strongestFirst orders by what a signal demands, then by how loud it is; equals stay as they were judged.
func strongestFirst(contributions []score.Contribution) []score.Contribution {
	ordered := slices.Clone(contributions)
	slices.SortStableFunc(ordered, func(a, b score.Contribution) int {
		return cmp.Or(cmp.Compare(demand(b), demand(a)), cmp.Compare(b.Strength, a.Strength))
	})
	return ordered
}

// demand puts gates and verdicts on one scale: both rise from nothing (1) over a second check (2) to no (3).
func demand(c score.Contribution) uint8 { return max(uint8(c.Gate), uint8(c.Verdict)) }
