package rpc

import (
	"context"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// deadlines says what a unary call may take, counted from its first byte: the client's
// deadline, timeout when it sent none, and at most longestCall. It is asked by the tap
// and not by an interceptor, because those run when the request has arrived, and one
// that never does would hold its stream as long as the connection lives.
//
// A stream may live on. streaming names the methods that are some.
func deadlines(timeout time.Duration, streaming func(method string) bool) limitOf {
	return func(ctx context.Context, method string) (time.Duration, bool) {
		limit := timeout
		if deadline, set := ctx.Deadline(); set {
			if time.Until(deadline) <= longestCall {
				return 0, false // it has its own
			}
			limit = longestCall
		}
		return limit, !streaming(method)
	}
}

// limitOf is what a call may take besides what its context says; false when that says it all.
type limitOf func(ctx context.Context, method string) (time.Duration, bool)

// endStreams ends streams when the server stops: their clients connect to another.
func (s *Server) endStreams(ctx context.Context, c *call) error {
	if c.stream == nil {
		return c.next(ctx)
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	release := context.AfterFunc(s.stopping, cancel)
	defer release()
	err := c.next(ctx)
	if err != nil && s.stopping.Err() != nil {
		return fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
			"The server is stopping: connect again.").Because(err)
	}
	return err
}
