package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// longestCall cuts what a client may ask for: a deadline of a day is none.
const longestCall = time.Minute

// deadlines bounds how long a handler runs. A unary call has the client's deadline,
// timeout when the client sent none, and at most longestCall. A stream may live
// on, but ends when the server stops: its client connects to another.
func (s *Server) deadlines(timeout time.Duration) interceptor {
	return interceptor{
		name: "deadline",
		unary: func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
			limit := longestCall
			if _, set := ctx.Deadline(); !set {
				limit = timeout
			}
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			return handler(ctx, req)
		},
		stream: func(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			ctx, cancel := context.WithCancel(ss.Context())
			defer cancel()
			release := context.AfterFunc(s.stopping, cancel)
			defer release()
			err := handler(srv, &contextStream{ServerStream: ss, ctx: ctx})
			if err != nil && s.stopping.Err() != nil {
				return fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE,
					"The server is stopping: connect again.").Because(err)
			}
			return err
		},
	}
}
