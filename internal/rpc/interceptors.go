package rpc

import (
	"context"
	"time"

	"google.golang.org/grpc"

	"github.com/doorward/doorward/internal/access"
)

// step is one named part of what every call passes, unary or stream. It goes on
// with c.next, or ends the call with an error.
type step struct {
	name string
	run  func(ctx context.Context, c *call) error
}

// chain is the order in which a call passes the steps, outermost first.
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
// A call's deadline is set before all of them, and so is what its request may take to
// come whole; see deadlines and arrivals.
func (s *Server) chain(cfg ServerConfig) []step {
	return []step{
		{"request_id", withRequestID(cfg.Now)},
		{"metrics", s.metrics.observe},
		{"log", s.log.observe},
		{"fault", answer},
		{"recovery", recoverPanics(cfg.Logger)},
		{"end_streams", s.endStreams},
		{"access", s.admit(cfg.Authenticate)},
		{"validate", validateWith(s.validator)},
	}
}

// call is what is known of a call while it runs, and the way that it has yet to go.
// It belongs to the call's goroutine. One record for all steps, in place of a
// closure and a context for each, is what lets eight of them cost a token check little.
type call struct {
	method string
	began  time.Time        // as metrics saw it
	caller access.Principal // once access has found it out
	shed   bool             // load refused it, and tells the log in its own measure

	rest    []step
	request any
	answer  any
	unary   grpc.UnaryHandler

	stream    *stream // nil for a unary call
	server    any
	streaming grpc.StreamHandler
}

// next goes on with the call, to its handler at last.
func (c *call) next(ctx context.Context) (err error) {
	if len(c.rest) > 0 {
		next := c.rest[0]
		c.rest = c.rest[1:]
		return next.run(ctx, c)
	}
	if c.stream != nil {
		c.stream.ctx = ctx
		return c.streaming(c.server, c.stream)
	}
	c.answer, err = c.unary(ctx, c.request)
	return err
}

// serveUnary leads unary calls through the steps. It is called when the request is whole.
func serveUnary(steps []step) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		request, err := arrivalOf(ctx)
		if err != nil {
			return nil, err
		}
		if err := request.arrived(); err != nil {
			return nil, err
		}
		c := &call{method: info.FullMethod, rest: steps, request: req, unary: handler}
		if err := c.next(ctx); err != nil {
			return nil, err
		}
		return c.answer, nil
	}
}

// serveStream leads streams through them. A stream's request has come with its first message.
func serveStream(steps []step) grpc.StreamServerInterceptor {
	return func(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		request, err := arrivalOf(ss.Context())
		if err != nil {
			return err
		}
		s := &stream{ServerStream: ss, request: request}
		c := &call{method: info.FullMethod, rest: steps, stream: s, server: srv, streaming: handler}
		return c.next(ss.Context())
	}
}

// stream is a stream with the steps' context, whose messages are checked as they arrive.
type stream struct {
	grpc.ServerStream
	ctx     context.Context
	check   func(message any) error
	request *arrival // until it is whole
}

var _ grpc.ServerStream = (*stream)(nil)

func (s *stream) Context() context.Context { return s.ctx }

func (s *stream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	if err := s.request.arrived(); err != nil {
		return err
	}
	s.request = nil
	return s.check(m)
}
