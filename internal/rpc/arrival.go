package rpc

import (
	"context"
	"sync/atomic"

	"google.golang.org/grpc/status"
)

// arrival is one request on its way, and the context of its call.
//
//	         the request is whole
//	waiting ──────────────────────▶ the call goes on, and has its own deadline
//	  │ │    its time has passed
//	  │ └─────────────────────────▶ overdue: the call is ended, its handler never runs
//	  │      the call has ended
//	  └───────────────────────────▶ forgotten in the next round
//
// A deadline in the context couldn't do it: it can't be lifted again for the call itself.
// gRPC waits for the rest of a request on the context of its call, and ends the call with it.
type arrival struct {
	context.Context

	cancel  context.CancelFunc
	of      *arrivals
	from    sender
	overdue atomic.Bool
}

var _ context.Context = (*arrival)(nil)

type arrivalKey struct{}

// arrivalOf finds the request of a call. It is an error when there was no room for it, and
// nil for a call that didn't come through arrivals.
func arrivalOf(ctx context.Context) (*arrival, error) {
	switch r := ctx.Value(arrivalKey{}).(type) {
	case *arrival:
		return r, nil
	case *turnedAway:
		return nil, errCrowded
	default:
		return nil, nil //nolint:nilnil // only tests call without a server
	}
}

// begin makes the context of the call, with its limit.
func (r *arrival) begin(ctx context.Context, limit limitOf, method string) {
	if most, limited := limit(ctx, method); limited {
		r.Context, r.cancel = context.WithTimeout(ctx, most)
		return
	}
	r.Context, r.cancel = context.WithCancel(ctx)
}

// arrived says that the request is whole, or that it is too late for that.
func (r *arrival) arrived() error {
	if r != nil && !r.of.leave(r) {
		return errOverdue
	}
	return nil
}

func (r *arrival) giveUp() {
	r.overdue.Store(true)
	r.cancel()
}

// Err tells the caller of an overdue request that it was too slow, and not that somebody hung up.
func (r *arrival) Err() error {
	err := r.Context.Err()
	if err != nil && r.overdue.Load() {
		return context.DeadlineExceeded
	}
	return err
}

func (r *arrival) Value(key any) any {
	if key == (arrivalKey{}) {
		return r
	}
	return r.Context.Value(key)
}

var errOverdue = status.FromContextError(context.DeadlineExceeded).Err()
