package enumeration

import "fmt"

// State is what an account is like.
type State string

// The states.
const (
	Plain      State = "plain"
	NoPassword State = "no password"
	Locked     State = "locked"
	Banned     State = "banned"
	// Restricted: at a domain that may not sign up.
	Restricted State = "restricted"
	// SlowHash: imported, with a password under a hash that takes longer than the deployment's own.
	SlowHash State = "slow hash"

	// control is no account at all: a second group of nobody's.
	control State = "nobody (control)"
)

// States are all that an account can be in.
func States() []State { return []State{Plain, NoPassword, Locked, Banned, Restricted, SlowHash} }

// Crowd names the addresses. It holds none: the same domain and batch are the same addresses.
type Crowd struct {
	// Domain has the addresses at subdomains of it. Mail to it must go nowhere.
	Domain string
	// Batch sets one crowd apart from another at the same domain.
	Batch string
}

// group is some of a crowd's addresses that are alike.
type group struct {
	code    string // of one length, as are the labels: no address is longer than another
	blocked bool
}

var (
	nobody        = group{code: "none"}
	nobodyBlocked = group{code: "nblk", blocked: true}
)

var groups = map[State]group{
	Plain:      {code: "plai"},
	NoPassword: {code: "nopw"},
	Locked:     {code: "lock"},
	Banned:     {code: "bann"},
	Restricted: {code: "rest", blocked: true},
	SlowHash:   {code: "slow"},
	control:    {code: "ctrl"},
}

// twin is the group of nobody's that a state is compared with.
func (s State) twin() group {
	if groups[s].blocked {
		return nobodyBlocked
	}
	return nobody
}

// Blocked is the domain that may not sign up.
func (c Crowd) Blocked() string { return "blocked." + c.Domain }

func (c Crowd) address(g group, n int) string {
	domain := "members." + c.Domain
	if g.blocked {
		domain = c.Blocked()
	}
	return fmt.Sprintf("selftest-%s-%s-%05d@%s", c.Batch, g.code, n, domain)
}

// Address is an account's. They are numbered from 0.
func (c Crowd) Address(s State, n int) string { return c.address(groups[s], n) }

// ExternalID is what an account bears beside its address.
func (c Crowd) ExternalID(s State, n int) string {
	return fmt.Sprintf("selftest-%s-%s-%05d", c.Batch, groups[s].code, n)
}
