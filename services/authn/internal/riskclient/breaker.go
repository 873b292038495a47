package riskclient

import (
	"sync"
	"time"
)

const (
	// failuresToOpen is how many calls in a row must fail before nobody is asked.
	failuresToOpen = 5
	// openFor is how long nobody is asked.
	openFor = 2 * time.Second
)

// result is how a call fared, as far as it says something about risk.
type result int

const (
	// silent: the caller left before risk could answer. It says nothing.
	silent result = iota
	// answered: risk is there.
	answered
	// down: no answer in time.
	down
)

// breaker decides whether to ask. It starts no goroutine and is safe for concurrent use.
type breaker struct {
	now func() time.Time

	mu       sync.Mutex
	failures int       // in a row
	opened   time.Time // zero while closed
	probing  bool
}

// admit says whether the call may be made. Each admitted call is settled, once.
func (b *breaker) admit() (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened.IsZero() {
		return false, true
	}
	if b.probing || b.now().Sub(b.opened) < openFor {
		return false, false
	}
	b.probing = true
	return true, true
}

// settle takes in how an admitted call fared. While the breaker is open only the probe counts: calls that began before it opened are late.
func (b *breaker) settle(probe bool, r result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	} else if !b.opened.IsZero() {
		return
	}
	switch r {
	case answered:
		b.failures, b.opened = 0, time.Time{}
	case down:
		b.failures++
		if probe || b.failures >= failuresToOpen {
			b.opened = b.now()
		}
	case silent:
	}
}

// open says whether calls are being answered as down.
func (b *breaker) open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.opened.IsZero()
}
