package breaker

import (
	"sync"
	"time"
)

// Result is how a call fared, as far as it says something about the other side.
type Result int

const (
	// Silent means: the caller left before there could be an answer. It says nothing.
	Silent Result = iota
	// Answered means: somebody is there.
	Answered
	// Down means: no answer in time, or none that is of use.
	Down
)

// Config is when a breaker opens, and for how long.
type Config struct {
	// Failures is how many calls in a row must fail before nobody is asked.
	Failures int
	// Pause is how long nobody is asked.
	Pause time.Duration
	Now   func() time.Time
}

// Breaker decides whether to ask. It is safe for concurrent use.
type Breaker struct {
	config Config

	mu       sync.Mutex
	failures int       // in a row
	opened   time.Time // zero while closed
	probing  bool
}

// New makes a closed breaker.
func New(c Config) *Breaker { return &Breaker{config: c} }

// Admit says whether the call may be made. Each admitted call is settled, once.
func (b *Breaker) Admit() (probe, ok bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.opened.IsZero() {
		return false, true
	}
	if b.probing || b.config.Now().Sub(b.opened) < b.config.Pause {
		return false, false
	}
	b.probing = true
	return true, true
}

// Settle takes in how an admitted call fared. While the breaker is open only the probe counts: calls that began before it opened are late.
func (b *Breaker) Settle(probe bool, r Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if probe {
		b.probing = false
	} else if !b.opened.IsZero() {
		return
	}
	switch r {
	case Answered:
		b.failures, b.opened = 0, time.Time{}
	case Down:
		b.failures++
		if probe || b.failures >= b.config.Failures {
			b.opened = b.config.Now()
		}
	case Silent:
	}
}

// Open says whether calls are being answered as down.
func (b *Breaker) Open() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.opened.IsZero()
}
