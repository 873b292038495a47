package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc/tap"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// withDeadline bounds a unary call from its first byte on: the client's deadline,
// timeout when it sent none, and at most longestCall. It is a tap and no
// interceptor, because those run when the request has arrived, and one that never
// does would hold its stream as long as the connection lives.
//
// A stream may live on. streaming names the methods that are some.
func withDeadline(timeout time.Duration, streaming func(method string) bool) tap.ServerInHandle {
	return func(ctx context.Context, info *tap.Info) (context.Context, error) {
		limit := timeout
		if deadline, set := ctx.Deadline(); set {
			if time.Until(deadline) <= longestCall {
				return ctx, nil
			}
			limit = longestCall
		}
		if streaming(info.FullMethodName) {
			return ctx, nil
		}
		ctx, cancel := context.WithTimeout(ctx, limit) //nolint:gosec // G118: grpc cancels the context above when the call ends
		_ = cancel
		return ctx, nil
	}
}

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
