package quota

import "time"

const (
	day = 24 * time.Hour
	// networkSlot and sharedSlot bound a record, however many codes there were: to 25 numbers for a day, and to 13 for an hour.
	networkSlot = time.Hour
	sharedSlot  = 5 * time.Minute
)

// Who says in which budgets a code counts. The zero value is the one with less standing.
type Who string

// Who asks for codes.
const (
	// Strangers are all devices that aren't known for the account, and all who sign up.
	Strangers Who = "strangers"
	// Known are the devices that are.
	Known Who = "known"
)

// Rules are the policy's.
type Rules struct {
	// Interval lies between one code and the next.
	Interval time.Duration
	// PerHour and PerDay are what an address is sent, and PerNetworkDay what a network may have sent.
	PerHour, PerDay, PerNetworkDay int
	// PerDeploymentHour is what all strangers may have sent. Wider networks have a share of it.
	PerDeploymentHour int
}

// address is the limit of an address with the longest window: what it doesn't count is forgotten.
func (r Rules) address() Limit { return Limit{Uses: r.PerDay, Window: day} }

// Bound is what refuses a code.
type Bound string

// The bounds.
const (
	Interval       Bound = "interval"
	Hour           Bound = "hour"
	Day            Bound = "day"
	NetworkDay     Bound = "network_day"
	SiteHour       Bound = "site_hour"
	ProviderHour   Bound = "provider_hour"
	DeploymentHour Bound = "deployment_hour"
	// DeploymentHalf is half of DeploymentHour: past it each code takes a challenge.
	DeploymentHalf Bound = "deployment_half"
)

// Bounds are all that there are.
func Bounds() []Bound {
	return []Bound{Interval, Hour, Day, NetworkDay, SiteHour, ProviderHour, DeploymentHour, DeploymentHalf}
}

// Verdict is whether a code may be sent.
type Verdict struct {
	// Bound is what refuses it; empty when it may be sent.
	Bound Bound
	// RetryIn is after how long that bound doesn't.
	RetryIn time.Duration
	// Effort is how many times the usual work the challenge takes that would have the code sent; 0 where none would.
	Effort int
}

// Sent says whether the code may be sent.
func (v Verdict) Sent() bool { return v.Bound == "" }

// Liftable says whether a solved challenge would have the code sent.
func (v Verdict) Liftable() bool { return v.Effort > 0 }

// Codes are the budgets that one code comes out of.
type Codes struct {
	// Address is the address's.
	Address Budget
	// Shared are those of Places; of a known device, which neither needs nor uses them, there are none.
	Shared []Shared
}

// Shared is a budget that belongs to many.
type Shared struct {
	Scope  Scope
	Budget Budget
}

// Send takes a code out of the budgets, or says what refuses it and takes nothing. A challenge that was solved for it lifts what a challenge does.
func (c *Codes) Send(who Who, rules Rules, solved bool, now time.Time) Verdict {
	// What no challenge lifts comes first: nobody shall solve one in vain.
	if refused := c.refusal(who, rules, now); !refused.Sent() {
		return refused
	}
	if price := c.price(who, rules, now); !price.Sent() && !(solved && price.Liftable()) {
		return price
	}
	c.Address.Take(rules.address(), now)
	for i := range c.shared(who) {
		c.Shared[i].Budget.Take(rules.Of(c.Shared[i].Scope), now)
	}
	return Verdict{}
}

// shared are the budgets of many that the code comes out of.
func (c *Codes) shared(who Who) []Shared {
	if who == Known {
		return nil
	}
	return c.Shared
}

// refusal is what refuses a code whatever is done for it.
func (c *Codes) refusal(who Who, rules Rules, now time.Time) Verdict {
	if wait, ok := c.Address.Free(Limit{Uses: 1, Window: rules.Interval}, now); !ok {
		return Verdict{Bound: Interval, RetryIn: wait}
	}
	if wait, ok := c.Address.Free(rules.address(), now); !ok {
		return Verdict{Bound: Day, RetryIn: wait}
	}
	for _, shared := range c.shared(who) {
		if wait, ok := shared.Budget.Free(rules.Of(shared.Scope), now); !ok {
			return Verdict{Bound: shared.Scope.Bound(), RetryIn: wait}
		}
	}
	return Verdict{}
}

// price is what refuses a code until a challenge is solved for it; a known device waits instead.
func (c *Codes) price(who Who, rules Rules, now time.Time) Verdict {
	effort, calm := c.effort(who, rules, now)
	wait, ok := c.Address.Free(Limit{Uses: rules.PerHour, Window: time.Hour}, now)
	switch {
	case !ok && who == Known:
		return Verdict{Bound: Hour, RetryIn: wait}
	case !ok:
		return Verdict{Bound: Hour, RetryIn: wait, Effort: max(1, effort)}
	case effort > 0:
		return Verdict{Bound: DeploymentHalf, RetryIn: calm, Effort: effort}
	}
	return Verdict{}
}

// effort is what a stranger's code costs by how much of the deployment's budget is used: nothing up to half of it, then a challenge, of which the work doubles
// with each further eighth. Calm is after how long it would cost nothing.
func (c *Codes) effort(who Who, rules Rules, now time.Time) (effort int, calm time.Duration) {
	for _, shared := range c.shared(who) {
		if shared.Scope != Deployment {
			continue
		}
		for eighths := 4; eighths < 8; eighths++ {
			step := rules.Of(Deployment)
			step.Uses = step.Uses * eighths / 8
			wait, ok := shared.Budget.Free(step, now)
			if ok {
				break
			}
			if effort == 0 {
				effort, calm = 1, wait
			} else {
				effort *= 2
			}
		}
	}
	return effort, calm
}

// Until is when an address's budget is full again, and its record can go.
func (r Rules) Until(address *Budget) time.Time { return address.EmptyAfter(r.address()) }
