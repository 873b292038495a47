package quota

import "time"

const (
	day = 24 * time.Hour
	// networkSlot bounds a network's record: it has 25 numbers, however many codes there were.
	networkSlot = time.Hour
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
}

// Bound is what refuses a code.
type Bound string

// The bounds.
const (
	Interval   Bound = "interval"
	Hour       Bound = "hour"
	Day        Bound = "day"
	NetworkDay Bound = "network_day"
)

// Bounds are all that there are.
func Bounds() []Bound { return []Bound{Interval, Hour, Day, NetworkDay} }

// Verdict is whether a code may be sent.
type Verdict struct {
	// Bound is what refuses it; empty when it may be sent.
	Bound Bound
	// RetryIn is after how long that bound doesn't.
	RetryIn time.Duration
}

// Sent says whether the code may be sent.
func (v Verdict) Sent() bool { return v.Bound == "" }

// Liftable says whether a solved challenge would have the code sent.
func (v Verdict) Liftable(who Who) bool { return v.Bound == Hour && who != Known }

// Codes are the budgets that one code comes out of.
type Codes struct {
	// Address is the address's, and Network the network's; for a known device that stays as it is.
	Address, Network Budget
}

// Send takes a code out of the budgets, or says what refuses it and takes nothing. A challenge that was solved for it lifts the strangers' bound of the hour.
func (c *Codes) Send(who Who, rules Rules, solved bool, now time.Time) Verdict {
	perDay, perNetwork := rules.days()
	// What no challenge lifts comes first: nobody shall solve one in vain.
	for _, b := range []struct {
		bound  Bound
		budget *Budget
		limit  Limit
		lifted bool
	}{
		{Interval, &c.Address, Limit{Uses: 1, Window: rules.Interval}, false},
		{Day, &c.Address, perDay, false},
		{NetworkDay, &c.Network, perNetwork, who == Known},
		{Hour, &c.Address, Limit{Uses: rules.PerHour, Window: time.Hour}, solved && who != Known},
	} {
		if b.lifted {
			continue
		}
		if wait, ok := b.budget.Free(b.limit, now); !ok {
			return Verdict{Bound: b.bound, RetryIn: wait}
		}
	}
	c.Address.Take(perDay, now)
	if who != Known {
		c.Network.Take(perNetwork, now)
	}
	return Verdict{}
}

// Until is when each of the budgets is full again, and its record can go.
func (c *Codes) Until(rules Rules) (address, network time.Time) {
	perDay, perNetwork := rules.days()
	return c.Address.EmptyAfter(perDay), c.Network.EmptyAfter(perNetwork)
}

// days are the limits with the longest windows: what they don't count is forgotten.
func (r Rules) days() (address, network Limit) {
	return Limit{Uses: r.PerDay, Window: day}, Limit{Uses: r.PerNetworkDay, Window: day, Slot: networkSlot}
}
