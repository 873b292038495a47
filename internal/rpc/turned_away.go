package rpc

import (
	"context"
	"sync/atomic"
	"time"
)

// turnedAway is the context of a call that there is no room for and that has a distant
// deadline. gRPC-Go keeps the timer of such a deadline until it fires when a tap refuses
// the call with an error (1.85: operateHeaders doesn't cancel the stream's context), and
// a stranger may ask for a thousand years. So the call begins all the same, with a context
// that has ended by the time somebody waits for it: gRPC's first step ends the call, and
// frees all that it had.
type turnedAway struct {
	context.Context

	begun atomic.Bool
}

var _ context.Context = (*turnedAway)(nil)

// waitsLong says whether what refusing the call leaves behind would stay for longer than a
// call without a deadline may take.
func waitsLong(ctx context.Context) bool {
	deadline, set := ctx.Deadline()
	return set && time.Until(deadline) > defaultCallTimeout
}

func turnAway(ctx context.Context) context.Context { return &turnedAway{Context: ctx} }

// Done is what gRPC asks for when it has taken the call in.
func (c *turnedAway) Done() <-chan struct{} {
	c.begun.Store(true)
	return alreadyDone
}

func (c *turnedAway) Err() error {
	if c.begun.Load() {
		return context.DeadlineExceeded
	}
	return c.Context.Err()
}

func (c *turnedAway) Value(key any) any {
	if key == (arrivalKey{}) {
		return c
	}
	return c.Context.Value(key)
}

var alreadyDone = func() chan struct{} {
	done := make(chan struct{})
	close(done)
	return done
}()
