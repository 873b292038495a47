package credential

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Ticket is the right to one hash, which will finish by the pool's deadline.
type Ticket struct {
	pool  *Pool
	lane  *lane
	began time.Time
	spent atomic.Bool
}

// Verify checks a password as Hasher.Verify does. An empty stored form, for an identifier that nobody has, takes the
// same turn in the same lane.
//
// When ctx ends before a worker has begun, the error is ctx's and the hash is never computed. Once begun, it is waited
// for and its result returned whatever became of ctx. So a guess that costs a hash is always known for what it was, and
// nobody gets hashes without paying from a budget by hanging up in the middle. ErrClosed too means that there was no hash.
func (t *Ticket) Verify(ctx context.Context, stored PHC, password secret.Text) (Result, error) {
	out, err := t.run(ctx, func(h Hasher) (out outcome) {
		out.result, out.err = h.Verify(stored, password)
		return out
	})
	return out.result, err
}

// HashNew judges a new password by the rules, and makes its stored form if nothing is wrong with it. own are the words
// of Rules.Judge. Both happen on the worker, because judging takes its milliseconds too and whoever asks has proved
// nothing; with problems there is no hash.
func (t *Ticket) HashNew(ctx context.Context, password secret.Text, rules Rules, own []string) (PHC, []Problem, error) {
	out, err := t.run(ctx, func(h Hasher) (out outcome) {
		if out.problems = rules.Check(password); len(out.problems) > 0 {
			return out
		}
		if out.problems = rules.Judge(password, own); len(out.problems) > 0 {
			return out
		}
		out.phc, out.err = h.Hash(password)
		return out
	})
	return out.phc, out.problems, err
}

// Renew makes today's form of a password that was right.
func (t *Ticket) Renew(ctx context.Context, password secret.Text) (PHC, error) {
	out, err := t.run(ctx, func(h Hasher) (out outcome) {
		out.phc, out.err = h.Renew(password)
		return out
	})
	return out.phc, err
}

// Release gives back a ticket that wasn't used. After a hash it does nothing.
func (t *Ticket) Release() {
	if t.spent.CompareAndSwap(false, true) {
		<-t.lane.slots
	}
}

// AwaitDeadline waits until D after Begin. Every failure calls it before it answers, whatever failed, so that the time
// says nothing about where. A flow that is already late waits for the next multiple of D. It gives back an unused
// ticket first: waiting takes no slot and no worker.
func (t *Ticket) AwaitDeadline(ctx context.Context) error {
	t.Release()
	deadline := t.pool.Deadline()
	elapsed := time.Since(t.began)
	periods := max(1, (elapsed+deadline-1)/deadline)
	timer := time.NewTimer(periods*deadline - elapsed)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// run queues the work and waits for its outcome. From here on the slot is the worker's to free.
func (t *Ticket) run(ctx context.Context, work func(Hasher) outcome) (outcome, error) {
	if !t.spent.CompareAndSwap(false, true) {
		return outcome{}, ErrSpent
	}
	j := &job{lane: t.lane, work: work, queued: time.Now(), done: make(chan outcome, 1)}
	t.lane.queue <- j
	reason := ErrClosed
	select {
	case out := <-j.done:
		return out, out.err
	case <-ctx.Done():
		reason = ctx.Err()
	case <-t.pool.drained:
	}
	if j.claim() {
		return outcome{}, reason
	}
	out := <-j.done // a worker has begun; this takes one hash at most
	return out, out.err
}
