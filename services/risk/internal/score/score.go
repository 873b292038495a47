package score

import (
	"errors"
	"fmt"
	"slices"

	"github.com/doorward/doorward/services/risk/internal/signal"
)

// Caps are the most that each signal of the account may demand when it is raised. Allow means that it is recorded and no more.
type Caps struct {
	AccountFailures  Verdict `json:"account_failures"` // not Refuse: strangers would lock owners out by failing
	UnknownCountry   Verdict `json:"unknown_country"`
	NewCountry       Verdict `json:"new_country"`
	ImpossibleTravel Verdict `json:"impossible_travel"`
}

// Policy is what an operator may tune.
type Policy struct {
	Limits signal.Limits `json:"limits"`
	Caps   Caps          `json:"caps"`
}

// DefaultPolicy asks for a second check wherever a signal is raised and refuses nobody: where somebody seems to be is an
// estimate, and a right password from a new country is an owner on a journey far more often than not.
func DefaultPolicy() Policy {
	return Policy{
		Limits: signal.DefaultLimits(),
		Caps: Caps{
			AccountFailures:  VerifyDevice,
			UnknownCountry:   VerifyDevice,
			NewCountry:       VerifyDevice,
			ImpossibleTravel: VerifyDevice,
		},
	}
}

// Validate reports every fault at once.
func (p Policy) Validate() error {
	faults := []error{p.Limits.Validate()}
	for _, entry := range p.Caps.entries() {
		if entry.limit < Allow || entry.limit > Refuse {
			faults = append(faults, fmt.Errorf("caps.%s: missing; use one of %q", entry.key, verdicts[1:]))
		}
	}
	if p.Caps.AccountFailures == Refuse {
		faults = append(faults, errors.New("caps.account_failures: refuse would let strangers lock an owner out by failing; use verify_device"))
	}
	return errors.Join(faults...)
}

// entry is a cap under the key that it has in a policy file.
type entry struct {
	key   string
	limit Verdict
}

func (c Caps) entries() []entry {
	return []entry{
		{"account_failures", c.AccountFailures},
		{"unknown_country", c.UnknownCountry},
		{"new_country", c.NewCountry},
		{"impossible_travel", c.ImpossibleTravel},
	}
}

// of returns the cap of a signal: for a name without one Refuse, so that a signal which somebody forgot here is felt.
func (c Caps) of(name signal.Name) Verdict {
	switch name {
	case signal.AccountFailures:
		return c.AccountFailures
	case signal.UnknownCountry:
		return c.UnknownCountry
	case signal.NewCountry:
		return c.NewCountry
	case signal.ImpossibleTravel:
		return c.ImpossibleTravel
	default:
		return Refuse
	}
}

// Facts are all that a decision rests on.
type Facts struct {
	Origin  signal.Origin
	Account signal.Account
}

// Contribution is a signal and what it demands: of the gate if it is one of the origin, of the verdict if one of the account.
// The other is zero.
type Contribution struct {
	signal.Signal
	Gate    Gate    `json:"gate,omitempty"`
	Verdict Verdict `json:"verdict,omitempty"`
}

// Decision is the answer to a sign-in, and its explanation.
type Decision struct {
	Gate          Gate
	Verdict       Verdict
	Contributions []Contribution // one per signal, those of the origin first; quiet ones demand the least
}

// Decide weighs the facts by a policy that was validated.
func Decide(p Policy, f Facts) Decision {
	gate, origin := decideGate(p, f.Origin)
	verdict, account := decideVerdict(p, f.Account)
	return Decision{Gate: gate, Verdict: verdict, Contributions: slices.Concat(origin, account)}
}

// decideGate takes the origin and nothing else: the compiler keeps accounts out of the gate.
func decideGate(p Policy, o signal.Origin) (Gate, []Contribution) {
	gate := Open
	signals := signal.FromOrigin(o, p.Limits)
	contributions := make([]Contribution, 0, len(signals))
	for _, s := range signals {
		demand := gateOf(s.Strength)
		gate = max(gate, demand)
		contributions = append(contributions, Contribution{Signal: s, Gate: demand})
	}
	return gate, contributions
}

func decideVerdict(p Policy, a signal.Account) (Verdict, []Contribution) {
	verdict := Allow
	signals := signal.FromAccount(a, p.Limits)
	contributions := make([]Contribution, 0, len(signals))
	for _, s := range signals {
		demand := verdictOf(s.Strength, p.Caps.of(s.Name))
		verdict = max(verdict, demand)
		contributions = append(contributions, Contribution{Signal: s, Verdict: demand})
	}
	return verdict, contributions
}

// gateOf gives a challenge for a raised signal and a block for a high one, or for a strength that is none.
func gateOf(s signal.Strength) Gate {
	switch s {
	case signal.Quiet:
		return Open
	case signal.Raised:
		return Challenge
	default:
		return Block
	}
}

// verdictOf gives a signal that isn't quiet its cap; a cap that is missing is a refusal.
func verdictOf(s signal.Strength, limit Verdict) Verdict {
	switch {
	case s == signal.Quiet:
		return Allow
	case limit < Allow || limit > Refuse:
		return Refuse
	default:
		return limit
	}
}
