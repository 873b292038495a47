package history

import (
	"container/list"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"
)

// Account names an account in counters: authn's HMAC of the identifier, never the identifier as typed. It says nothing
// about whether such an account exists.
type Account string

// Try is one attempt to prove an account's credential.
type Try struct {
	Ref     string // names the try wherever it is spoken of again: the decision's id, which the outcome's event repeats
	IP      netip.Addr
	Account Account // empty if the try is against no account: then only the address counts
	// Known says that it comes from a device that is known for the account. Such tries count apart, by address and by account: strangers who fail on purpose
	// mustn't have an owner asked for a code, and those behind the same address mustn't have one blocked.
	Known bool
}

// origin is what a try counts for by where it comes from.
type origin struct {
	network netip.Prefix
	known   bool
}

func (t Try) origin() origin { return origin{network(t.IP), t.Known} }

// counted is the account as the try counts against it.
func (t Try) counted() Account {
	if t.Known && t.Account != "" {
		return t.Account + "/known"
	}
	return t.Account
}

// Outcome is how a try ended.
type Outcome uint8

// The zero Outcome is none: Settle refuses it.
const (
	Failed Outcome = iota + 1
	Succeeded
)

// Failures are the tries of the last window that failed or are still open.
type Failures struct {
	IP      int // from this address, from this /64 for IPv6; on known devices, or on all others
	Account int // against this account, from anywhere; on known devices, or on all others
}

// Config says how long and how much Counters remember.
type Config struct {
	Window  time.Duration // how long a failure counts; DefaultWindow if zero
	MaxKeys int           // addresses, and as many accounts; 100,000 (about 20 MB) if zero
	// MaxTries is how many tries can be told apart; 200,000 if zero. Past it the oldest is no longer known: it counts to
	// the end of its window whatever its outcome.
	MaxTries int
	Now      func() time.Time // required
}

// DefaultWindow is the window that score's default thresholds are meant for.
const DefaultWindow = 10 * time.Minute

// Counters count failures. Safe for concurrent use; it owns no goroutine and cleans up as it goes.
type Counters struct {
	now  func() time.Time
	slot time.Duration

	mu        sync.Mutex
	addresses *table[origin]
	accounts  *table[Account]
	tries     map[string]*list.Element // of *try
	order     *list.List               // tries by when they were first heard of, oldest first
	maxTries  int
}

// try is what is remembered of a Try.
type try struct {
	ref     string
	slot    int64
	state   state
	address *row[origin] // where it counts; nil for one that doesn't
	account *row[Account]
}

type state uint8

const (
	pending state = iota + 1
	failed
	succeeded
	withdrawn
)

// NewCounters reports every fault of the config at once.
func NewCounters(c Config) (*Counters, error) {
	if c.Window == 0 {
		c.Window = DefaultWindow
	}
	if c.MaxKeys == 0 {
		c.MaxKeys = 100_000
	}
	if c.MaxTries == 0 {
		c.MaxTries = 200_000
	}
	var faults []error
	if c.Window < time.Second {
		faults = append(faults, fmt.Errorf("window: %s is under a second", c.Window))
	}
	if c.MaxKeys < 1 || c.MaxTries < 1 {
		faults = append(faults, errors.New("max keys, max tries: below 1"))
	}
	if c.Now == nil {
		faults = append(faults, errors.New("now: missing"))
	}
	if len(faults) > 0 {
		return nil, fmt.Errorf("history counters: %w", errors.Join(faults...))
	}
	return &Counters{
		now:       c.Now,
		slot:      c.Window / slots,
		addresses: newTable[origin](c.MaxKeys),
		accounts:  newTable[Account](c.MaxKeys),
		tries:     map[string]*list.Element{},
		order:     list.New(),
		maxTries:  c.MaxTries,
	}, nil
}

// Begin counts a try as failed until it is settled, and returns what had been counted before it. Of tries that begin in
// parallel each sees those before it. A Ref that is already known isn't counted again.
func (c *Counters) Begin(t Try) Failures {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := slotOf(c.now(), c.slot)
	before := c.failures(t, now)
	if _, known := c.tries[t.Ref]; !known || t.Ref == "" {
		c.remember(t, now, now, pending)
	}
	return before
}

// Settle adds the outcome of a try, from its event: at is the event's time. A try that wasn't begun here, as after a
// restart, is taken from the event itself. It may be called again, and failure and success of one try in any order.
// It reports whether it changed anything.
func (c *Counters) Settle(t Try, outcome Outcome, at time.Time) bool {
	if t.Ref == "" || (outcome != Failed && outcome != Succeeded) {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	clock := c.now()
	now := slotOf(clock, c.slot)
	if e, known := c.tries[t.Ref]; known {
		return c.settle(e.Value.(*try), outcome, now)
	}
	if at.After(clock) {
		at = clock // the event's clock is ahead
	}
	if clock.Sub(at) >= c.slot*slots {
		return false
	}
	c.remember(t, slotOf(at, c.slot), now, settled(outcome))
	return true
}

// Withdraw takes back a try that is still open: nobody looked at its answer, and another took its place. One that isn't known, or has an outcome, stays as
// it is. It reports whether it changed anything.
func (c *Counters) Withdraw(ref string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, known := c.tries[ref]
	if !known {
		return false
	}
	n := e.Value.(*try)
	if n.state != pending {
		return false
	}
	n.takeBack(slotOf(c.now(), c.slot))
	n.state = withdrawn
	return true
}

// Failures returns what is counted, without counting anything.
func (c *Counters) Failures(ip netip.Addr, account Account) Failures {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.failures(Try{IP: ip, Account: account}, slotOf(c.now(), c.slot))
}

// Stats are for metrics.
type Stats struct {
	Addresses, Accounts, Tries int    // held now
	Evicted                    uint64 // addresses and accounts dropped before their time, since the start
}

// Stats returns the counters' own size.
func (c *Counters) Stats() Stats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return Stats{
		Addresses: len(c.addresses.rows),
		Accounts:  len(c.accounts.rows),
		Tries:     len(c.tries),
		Evicted:   c.addresses.evicted + c.accounts.evicted,
	}
}

func (c *Counters) failures(t Try, now int64) Failures {
	f := Failures{IP: c.addresses.count(t.origin(), now)}
	if t.Account != "" {
		f.Account = c.accounts.count(t.counted(), now)
	}
	return f
}

// remember takes in a new try, and counts it unless it has succeeded.
func (c *Counters) remember(t Try, slot, now int64, s state) {
	n := &try{ref: t.Ref, slot: slot, state: s}
	if s != succeeded {
		n.address = c.addresses.add(t.origin(), slot, now)
		if t.Account != "" {
			n.account = c.accounts.add(t.counted(), slot, now)
		}
	}
	if n.ref == "" {
		return // it can't be settled
	}
	c.forget(now)
	c.tries[n.ref] = c.order.PushBack(n)
}

// forget drops up to two tries that have left the window, and the oldest one if there is no room otherwise.
func (c *Counters) forget(now int64) {
	for range 2 {
		oldest := c.order.Front()
		if oldest == nil {
			return
		}
		n := oldest.Value.(*try)
		if now-n.slot <= slots && len(c.tries) < c.maxTries {
			return
		}
		delete(c.tries, n.ref)
		c.order.Remove(oldest)
	}
}

// settle moves a known try on; see the drawing in the package's comment.
func (c *Counters) settle(n *try, outcome Outcome, now int64) bool {
	to := settled(outcome)
	switch {
	case n.state == to || n.state == succeeded || n.state == withdrawn:
		return false
	case to == succeeded:
		n.takeBack(now)
	}
	n.state = to
	return true
}

// takeBack ends the counting of a try.
func (n *try) takeBack(now int64) {
	n.address.remove(n.slot, now)
	if n.account != nil {
		n.account.remove(n.slot, now)
	}
}

func settled(o Outcome) state {
	if o == Succeeded {
		return succeeded
	}
	return failed
}

// network is what an address counts as: itself for IPv4, its /64 for IPv6, where a household or a server has at least
// that much. Without an address it is the zero prefix, which all such tries share.
func network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	bits := 64
	if ip.Is4() {
		bits = 32
	}
	p, err := ip.Prefix(bits)
	if err != nil {
		return netip.Prefix{}
	}
	return p
}
