package breaker_test

import (
	"testing"
	"time"

	"github.com/doorward/doorward/internal/breaker"
)

// clock is moved by the test.
type clock struct{ time.Time }

func (c *clock) now() time.Time { return c.Time }

func newBreaker() (*breaker.Breaker, *clock) {
	c := &clock{time.Unix(1_800_000_000, 0)}
	return breaker.New(breaker.Config{Failures: 3, Pause: 2 * time.Second, Now: c.now}), c
}

// call asks if it may, and settles.
func call(b *breaker.Breaker, r breaker.Result) bool {
	probe, ok := b.Admit()
	if ok {
		b.Settle(probe, r)
	}
	return ok
}

func TestFailuresInARowOpen(t *testing.T) {
	b, c := newBreaker()
	for _, r := range []breaker.Result{breaker.Down, breaker.Down, breaker.Answered, breaker.Down, breaker.Silent, breaker.Down} {
		if !call(b, r) {
			t.Fatal("it opened without three failures in a row")
		}
	}
	if !call(b, breaker.Down) || !b.Open() || call(b, breaker.Answered) {
		t.Error("it didn't open after three failures in a row")
	}
	c.Time = c.Add(2 * time.Second)
	if !call(b, breaker.Down) || call(b, breaker.Answered) {
		t.Error("one probe after the pause, and a pause after a failed one")
	}
	c.Time = c.Add(2 * time.Second)
	if !call(b, breaker.Answered) || b.Open() || !call(b, breaker.Answered) {
		t.Error("a good probe didn't close it")
	}
}

func TestOneProbeAtATimeAndLateAnswersDontCount(t *testing.T) {
	b, c := newBreaker()
	late, _ := b.Admit()
	for range 3 {
		call(b, breaker.Down)
	}
	b.Settle(late, breaker.Answered)
	if !b.Open() {
		t.Error("an answer to a call from before closed it")
	}
	c.Time = c.Add(2 * time.Second)
	probe, ok := b.Admit()
	if _, second := b.Admit(); !ok || !probe || second {
		t.Error("there must be exactly one probe")
	}
	b.Settle(probe, breaker.Silent)
	if probe, ok := b.Admit(); !ok || !probe {
		t.Error("a probe whose caller left isn't followed by another")
	}
}
