package boltdb

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"sync/atomic"

	bolt "go.etcd.io/bbolt"
)

// call is one Update on its way through the queue.
type call struct {
	ctx    context.Context
	fn     func(*bolt.Tx) error
	answer chan error // capacity 1: the writer never waits for a caller
	taken  atomic.Bool
}

// take decides between the writer, who wants to run the call, and its caller,
// who wants to give it up: one of them gets true.
func (c *call) take() bool { return c.taken.CompareAndSwap(false, true) }

// Update runs fn in a write transaction, shared with other calls, and returns
// once it is on disk. The package comment says what fn must respect.
//
// A context that ends before fn was picked means that fn never ran. Once it was
// picked, it runs to its end whatever happens to the context, and the caller
// gets the true result.
func (db *DB) Update(ctx context.Context, fn func(*bolt.Tx) error) error {
	c := &call{ctx: ctx, fn: fn, answer: make(chan error, 1)}
	if err := db.enqueue(c); err != nil {
		return err
	}
	select {
	case err := <-c.answer:
		return err
	case <-ctx.Done():
		if c.take() {
			return ctx.Err()
		}
		return db.await(c)
	case <-db.stopped:
		return db.await(c)
	}
}

// enqueue puts the call into the queue, waiting for room.
func (db *DB) enqueue(c *call) error {
	db.gate.RLock()
	defer db.gate.RUnlock()
	if db.closed {
		return ErrClosed
	}
	select {
	case db.queue <- c:
		return nil
	case <-c.ctx.Done():
		return c.ctx.Err()
	case <-db.stopped:
		return ErrClosed
	}
}

// await returns the answer of a call that was picked. The writer answers before
// it stops, so an answer that is missing then never comes.
func (db *DB) await(c *call) error {
	select {
	case err := <-c.answer:
		return err
	case <-db.stopped:
	}
	select {
	case err := <-c.answer:
		return err
	default:
		return ErrClosed
	}
}

// write is the one goroutine that writes to the file. It ends when Close closes
// the queue, after answering everything in it.
func (db *DB) write() {
	defer close(db.stopped)
	batch := make([]*call, 0, maxBatch)
	for first := range db.queue {
		batch = db.pick(batch[:0], first)
		if len(batch) == 0 {
			continue
		}
		db.metrics.batch.Observe(float64(len(batch)))
		// The calls were told of a failed commit; there is nobody else to tell.
		_ = db.settle(batch)
		clear(batch)
	}
}

// pick takes the first call and all that wait behind it, up to a bound.
func (db *DB) pick(batch []*call, first *call) []*call {
	batch = pickOne(batch, first)
	yielded := false
	for len(batch) < maxBatch {
		select {
		case c, open := <-db.queue:
			if !open {
				return batch
			}
			batch = pickOne(batch, c)
			yielded = false
		default:
			// Callers that were just answered may be about to call again. Letting
			// others run until nobody comes any more costs microseconds, and a
			// fuller batch saves syncs.
			if yielded {
				return batch
			}
			yielded = true
			runtime.Gosched()
		}
	}
	return batch
}

// pickOne adds the call unless its caller has gone.
func pickOne(batch []*call, c *call) []*call {
	if !c.take() {
		return batch
	}
	if err := c.ctx.Err(); err != nil {
		c.answer <- err
		return batch
	}
	return append(batch, c)
}

// settle runs the calls in order and answers all of them. It returns the error
// of a failed commit.
//
// When a closure fails, what it wrote has to go, and with it the transaction. The
// closures before it run again and are committed, then it gets its error (which
// is only true once what it saw is on disk), and the rest go on in a
// transaction of their own. So a closure runs at most twice, unless it behaves
// differently the second time.
func (db *DB) settle(calls []*call) error {
	for len(calls) > 0 {
		failed, err := db.commit(calls)
		if failed == len(calls) {
			answer(calls, err)
			return err
		}
		before, culprit := calls[:failed], calls[failed]
		if len(before) > 0 {
			db.metrics.reruns.Add(float64(len(before)))
		}
		if commitErr := db.settle(before); commitErr != nil {
			err = commitErr
		}
		culprit.answer <- err
		calls = calls[failed+1:]
	}
	return nil
}

func answer(calls []*call, err error) {
	for _, c := range calls {
		c.answer <- err
	}
}

// commit runs the calls in one transaction. If closure i fails, nothing is
// written and i and its error are returned; otherwise len(calls) and the
// commit's error.
func (db *DB) commit(calls []*call) (failed int, err error) {
	failed = len(calls)
	started := db.now()
	err = db.bolt.Update(func(tx *bolt.Tx) error {
		for i, c := range calls {
			if err := db.run(tx, c.fn); err != nil {
				failed = i
				return err
			}
		}
		return nil
	})
	if failed < len(calls) {
		return failed, err
	}
	db.metrics.commit.Observe(db.now().Sub(started).Seconds())
	return failed, db.note(err)
}

// note keeps the outcome of a commit for Health.
func (db *DB) note(err error) error {
	if err == nil {
		db.broken.Store(nil)
		return nil
	}
	err = fmt.Errorf("commit: %w", err)
	db.broken.Store(&err)
	db.metrics.failed.Inc()
	db.logger.Error("store commit failed", slog.String("store", db.Path()), slog.Any("error", err))
	return err
}

// ErrPanic is what a caller gets whose closure panicked.
var ErrPanic = errors.New("a store closure panicked")

// run calls the closure and makes a panic its error: it must not take the
// writer, and so the service, with it.
func (db *DB) run(tx *bolt.Tx, fn func(*bolt.Tx) error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			db.logger.Error("store closure panicked", slog.String("store", db.Path()),
				slog.String("panic", panicText(p)), slog.String("stack", string(debug.Stack())))
			err = ErrPanic
		}
	}()
	return fn(tx)
}

// panicText keeps a value that somebody put into a panic out of the log: only
// the runtime's own words are known to hold no secret.
func panicText(p any) string {
	if e, ok := p.(runtime.Error); ok {
		return e.Error()
	}
	return fmt.Sprintf("a value of type %T", p)
}
