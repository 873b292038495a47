package load

import (
	"fmt"
	"slices"
	"sync"
	"time"

	doorward "github.com/doorward/doorward/sdk"
)

// Kind is a kind of operation.
type Kind string

// The kinds.
const (
	SignUp    Kind = "sign-up"
	SignIn    Kind = "sign-in"    // on a known device
	NewDevice Kind = "new device" // a sign-in on an unknown one, with a code
	Refresh   Kind = "refresh"
	Revoke    Kind = "revoke"
	Verify    Kind = "verify"
)

// Kinds returns all, in the order in which people tell them.
func Kinds() []Kind { return []Kind{SignUp, SignIn, NewDevice, Refresh, Revoke, Verify} }

// Outcome is how an operation ended.
type Outcome string

// The outcomes.
const (
	// Acknowledged: the suite said that it is done.
	Acknowledged Outcome = "acknowledged"
	// Unknown: the answer to the deciding call was lost. It may have happened.
	Unknown Outcome = "unknown"
	// Given up: a call before the deciding one failed, or no code came. It didn't happen.
	GivenUp Outcome = "given up"
	// Refused: the suite said no, with a reason. It didn't happen.
	Refused Outcome = "refused"
	// NotBegun: nobody was free for it.
	NotBegun Outcome = "not begun"
)

// Outcomes returns all.
func Outcomes() []Outcome { return []Outcome{Acknowledged, Unknown, GivenUp, Refused, NotBegun} }

// User is an acknowledged account.
type User struct {
	ID, Email, Password string
	At                  time.Time
}

// Session is an acknowledged session.
type Session struct {
	ID, UserID, Email string
	At                time.Time
	// SignUp says that it began with the account, NewDevice that its device wasn't known: its owner is to be alerted.
	SignUp, NewDevice bool
	// RefreshToken is the last that was acknowledged, and From holds the device's last secret.
	RefreshToken doorward.Secret
	From         doorward.From
	Refreshes    int
	// Unsure says that the refresh token may be used up, because the answer to a refresh was lost for good, or that From isn't kept up to date
	// any more. It isn't presented: that could end the session.
	Unsure bool
	// RevokedAt is when its revocation was acknowledged; zero while it wasn't.
	RevokedAt time.Time
	// MaybeRevoked says that the answer to a revocation was lost.
	MaybeRevoked bool
}

// Loss is an operation whose answer was lost, or that was refused or given up.
type Loss struct {
	Kind      Kind
	Outcome   Outcome
	Email     string
	SessionID string // empty where none was named yet
	At        time.Time
	Err       string
}

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

func (l *Ledger) count(kind Kind, outcome Outcome) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[kind][outcome]++
}

func (l *Ledger) breach(format string, args ...any) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.broken) < maxBroken {
		l.broken = append(l.broken, time.Now().Format("15:04:05.000 ")+fmt.Sprintf(format, args...))
	}
}

func (l *Ledger) lose(loss Loss) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[loss.Kind][loss.Outcome]++
	if len(l.losses) < maxLosses {
		l.losses = append(l.losses, loss)
	}
}

func (l *Ledger) addUser(u User) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.users = append(l.users, u)
}

func (l *Ledger) addSession(kind Kind, s Session) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.counts[kind][Acknowledged]++
	l.sessions[s.ID] = &s
	l.order = append(l.order, s.ID)
}

// change updates an acknowledged session.
func (l *Ledger) change(id string, change func(*Session)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	change(l.sessions[id])
}

func (l *Ledger) refused(after time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.slowest = max(l.slowest, after)
}

func (l *Ledger) recovered() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.retried++
}
