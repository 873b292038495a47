package rpc

import (
	"context"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/internal/access"
)

// interceptor is one named step of the chain.
type interceptor struct {
	name   string
	unary  grpc.UnaryServerInterceptor
	stream grpc.StreamServerInterceptor
}

// chain is the order in which a call passes the interceptors, outermost first.
//
//	request_id  first, so that every line and answer about the call carries it
//	metrics     sees the final code and the whole time, refusals included
//	log         sees what metrics sees, and the cause; knows who called once access has said it
//	fault       all that comes out of the steps below becomes a public status here, and
//	            nothing above may put an error of its own on the wire
//	recovery    below fault, so that a panic becomes a fault like any other error;
//	            above all that handles requests
//	end_streams above all that waits on a stream's context
//	access      looks for room first, so that a call which is refused under load has
//	            cost next to nothing; before validate, so that a stranger learns
//	            nothing about requests and no rule is evaluated for it
//	validate    last: handlers see only requests that keep their rules
//
// A call's deadline is set before all of them; see withDeadline.
func (s *Server) chain(cfg ServerConfig) []interceptor {
	return []interceptor{
		wrap("request_id", withRequestID(cfg.Now)),
		wrap("metrics", s.metrics.observe),
		wrap("log", s.log.observe),
		wrap("fault", answer),
		recoverPanics(cfg.Logger),
		s.endStreams(),
		wrap("access", s.admit(cfg.Authenticate)),
		validateWith(s.validator),
	}
}

// call is what is known of a call while it runs. It is made by request_id and
// belongs to the call's goroutine; access fills in the caller for log to read.
type call struct {
	method string
	stream bool
	caller access.Principal
	shed   bool // load refused it, and tells the log in its own measure
}

// around is an interceptor that treats unary calls and streams alike.
type around func(ctx context.Context, c *call, next func(context.Context) error) error

func wrap(name string, a around) interceptor {
	return interceptor{
		name: name,
		unary: func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (resp any, err error) {
			ctx, c := callIn(ctx, info.FullMethod, false)
			err = a(ctx, c, func(ctx context.Context) (err error) {
				resp, err = handler(ctx, req)
				return err
			})
			if err != nil {
				return nil, err
			}
			return resp, nil
		},
		stream: func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
			ctx, c := callIn(ss.Context(), info.FullMethod, true)
			return a(ctx, c, func(ctx context.Context) error {
				return handler(srv, &contextStream{ServerStream: ss, ctx: ctx})
			})
		},
	}
}

type callKey struct{}

// callIn finds the call's record, or begins it in the outermost interceptor.
func callIn(ctx context.Context, method string, stream bool) (context.Context, *call) {
	if c, ok := ctx.Value(callKey{}).(*call); ok {
		return ctx, c
	}
	c := &call{method: method, stream: stream}
	return context.WithValue(ctx, callKey{}, c), c
}

// contextStream is a stream with another context.
type contextStream struct {
	grpc.ServerStream
	ctx context.Context
}

var _ grpc.ServerStream = (*contextStream)(nil)

func (s *contextStream) Context() context.Context { return s.ctx }
