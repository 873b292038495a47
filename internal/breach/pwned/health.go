package pwned

import (
	"context"
	"crypto/rand"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breaker"
)

// health is whether the host answers, as its last answers show, and the call that finds out when they are too old to.
type health struct {
	now func() time.Time

	mu sync.Mutex
	// good is when the last good answer came; zero when a failure came after it.
	good time.Time
	// asking is the call that is under way; nil when there is none.
	asking *question
}

// question is whether the host answers. All who want to know while it is asked share it.
type question struct {
	answered chan struct{}
	err      error // once it is answered
}

// heard takes in how a call fared. While the breaker is open a good answer is late, as it is for the breaker.
func (h *health) heard(fared breaker.Result, open bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch {
	case fared == breaker.Down:
		h.good = time.Time{}
	case fared == breaker.Answered && !open:
		h.good = h.now()
	}
}

// ask says which question to wait for, if any, and whether it is the caller's to put.
func (h *health) ask() (q *question, mine bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if since := h.now().Sub(h.good); since >= 0 && since < fresh {
		return nil, false
	}
	if h.asking != nil {
		return h.asking, false
	}
	h.asking = &question{answered: make(chan struct{}), err: ErrDown} // which stands where the call panics
	return h.asking, true
}

// settle tells those who wait.
func (h *health) settle(q *question) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asking = nil
	close(q.answered)
}

// Ready says whether the host answers: nil when it did a moment ago, or does now. It is asked for a range that comes from no password, once for all who want
// to know, and whatever becomes of who was first.
func (c *Client) Ready(ctx context.Context) error {
	q, mine := c.health.ask()
	switch {
	case q == nil:
		return nil
	case mine:
		defer c.health.settle(q)
		_, q.err = c.Count(context.WithoutCancel(ctx), nobodys())
		return q.err
	}
	select {
	case <-q.answered:
		return q.err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// nobodys is the hash of no password, another each time: whoever answers can't have it ready.
func nobodys() (h breach.Hash) {
	_, _ = rand.Read(h[:]) // never fails
	return h
}
