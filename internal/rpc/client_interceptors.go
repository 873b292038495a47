package rpc

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
)

// The budget of a call that is made on behalf of another.
const (
	// hopShare is kept back of the deadline, so that this side can still say what
	// went wrong when the other one used up its time.
	hopShare = 20 * time.Millisecond
	// leastBudget is what a call needs to be worth the trip.
	leastBudget = 5 * time.Millisecond
)

type clientInterceptor struct {
	name   string
	unary  grpc.UnaryClientInterceptor
	stream grpc.StreamClientInterceptor
}

// clientChain is the order in which a call leaves, outermost first.
//
//	fault       outermost: whatever comes back, from the wire or from below, is read once
//	request_id  adds to what is sent
//	budget      last, so that no time passes between measuring what is left and sending it
func clientChain(timeout time.Duration, bareStatus bool) []clientInterceptor {
	chain := []clientInterceptor{
		{"request_id", passRequestID, passRequestIDStream},
		{"budget", budgetFor(timeout), budgetStream},
	}
	if bareStatus {
		return chain
	}
	return append([]clientInterceptor{{"fault", readFault, readFaultStream}}, chain...)
}

func readFault(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return asFault(invoke(ctx, method, req, reply, cc, opts...))
}

// asFault leaves what isn't a server's answer: success, the end of a stream, and
// faults that an interceptor below made here.
func asFault(err error) error {
	if err == nil || errors.Is(err, io.EOF) {
		return err
	}
	if _, ok := fault.As(err); ok {
		return err
	}
	return fault.FromStatus(err)
}

func readFaultStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	cs, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		return nil, asFault(err)
	}
	return &faultStream{ClientStream: cs}, nil
}

type faultStream struct{ grpc.ClientStream }

func (s *faultStream) RecvMsg(m any) error { return asFault(s.ClientStream.RecvMsg(m)) }
func (s *faultStream) SendMsg(m any) error { return asFault(s.ClientStream.SendMsg(m)) }

func (s *faultStream) Header() (metadata.MD, error) {
	md, err := s.ClientStream.Header()
	return md, asFault(err)
}

func passRequestID(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return invoke(withOutgoingID(ctx), method, req, reply, cc, opts...)
}

func passRequestIDStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return open(withOutgoingID(ctx), desc, cc, method, opts...)
}

func withOutgoingID(ctx context.Context) context.Context {
	requestID := telemetry.RequestID(ctx)
	if requestID == "" {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, RequestIDKey, requestID)
}

func budgetFor(timeout time.Duration) grpc.UnaryClientInterceptor {
	return func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		deadline, err := budget(ctx, timeout)
		if err != nil {
			return err
		}
		ctx, cancel := context.WithDeadline(ctx, deadline)
		defer cancel()
		return invoke(ctx, method, req, reply, cc, opts...)
	}
}

// budget is the deadline of a call under ctx, or the refusal when too little is left of it.
func budget(ctx context.Context, timeout time.Duration) (time.Time, error) {
	deadline, set := ctx.Deadline()
	if !set {
		return time.Now().Add(timeout), nil
	}
	deadline = deadline.Add(-hopShare)
	if time.Until(deadline) < leastBudget {
		// As an answer it reads like one from the wire, with a status of its own.
		return time.Time{}, fault.Answer(fault.New(fault.DeadlineExceeded, typev1.Reason_REASON_UNAVAILABLE,
			"The call's deadline leaves no time for what it needs. Try again with more time.").
			Because(context.DeadlineExceeded))
	}
	return deadline, nil
}

// budgetStream shaves a stream's deadline when it has one. A stream without one
// lives as long as its context: keepalive notices when the other side is gone.
func budgetStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	if _, set := ctx.Deadline(); !set {
		return open(ctx, desc, cc, method, opts...)
	}
	deadline, err := budget(ctx, 0)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithDeadline(ctx, deadline)
	cs, err := open(ctx, desc, cc, method, opts...)
	if err != nil {
		cancel()
		return nil, err
	}
	return &budgetedStream{ClientStream: cs, cancel: cancel}, nil
}

// budgetedStream lets go of its deadline's timer when the stream has ended.
type budgetedStream struct {
	grpc.ClientStream
	cancel context.CancelFunc
}

func (s *budgetedStream) RecvMsg(m any) error {
	err := s.ClientStream.RecvMsg(m)
	if err != nil {
		s.cancel()
	}
	return err
}
