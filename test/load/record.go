package load

import (
	"fmt"
	"time"
)

// What the generator writes down.

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
