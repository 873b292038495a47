package load

import (
	"slices"
	"sync"
	"time"
)

// Bounds of what is remembered for people to read; the counts go on.
const (
	maxLosses = 100_000
	maxBroken = 1_000
)

// Ledger is what the suite has acknowledged. Its methods may be called at any time; what they return is a copy.
type Ledger struct {
	mu       sync.Mutex
	counts   map[Kind]map[Outcome]int
	users    []User
	sessions map[string]*Session
	order    []string // of the sessions
	losses   []Loss
	broken   []string
	slowest  time.Duration // from a revocation's acknowledgement to the verifier's refusal
	retried  int           // refreshes that got their answer when they were asked again
}

func newLedger() *Ledger {
	l := &Ledger{counts: make(map[Kind]map[Outcome]int), sessions: make(map[string]*Session)}
	for _, kind := range Kinds() {
		l.counts[kind] = make(map[Outcome]int)
	}
	return l
}

// LedgerOf makes a ledger as it would be after a load that ended so: for tests of those who read it.
func LedgerOf(users []User, sessions []Session, losses []Loss) *Ledger {
	l := newLedger()
	for _, u := range users {
		l.addUser(u)
	}
	for _, s := range sessions {
		l.addSession(SignIn, s)
	}
	for _, loss := range losses {
		l.lose(loss)
	}
	return l
}

// Count is how many operations of a kind ended so.
func (l *Ledger) Count(kind Kind, outcome Outcome) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.counts[kind][outcome]
}

// Users are all acknowledged accounts.
func (l *Ledger) Users() []User {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.users)
}

// Sessions are all acknowledged sessions, in the order in which they were acknowledged.
func (l *Ledger) Sessions() []Session {
	l.mu.Lock()
	defer l.mu.Unlock()
	out := make([]Session, 0, len(l.order))
	for _, id := range l.order {
		out = append(out, *l.sessions[id])
	}
	return out
}

// Losses are the operations that weren't acknowledged and may have left something behind.
func (l *Ledger) Losses() []Loss {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.losses)
}

// Broken tells what contradicted an acknowledgement.
func (l *Ledger) Broken() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.Clone(l.broken)
}

// SlowestRevocation is the longest time from a revocation's acknowledgement to the verifier's refusal.
func (l *Ledger) SlowestRevocation() time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.slowest
}

// Recovered is how many refreshes lost their answer and got it when they were asked again.
func (l *Ledger) Recovered() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.retried
}
