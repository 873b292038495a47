package verify

import (
	"context"
	"time"

	"google.golang.org/grpc"
)

// serve runs a stream's handler for as long as its session stands, and for maxAge at most.
//
// The handler keeps its goroutine. What ends the stream cancels its context and fails its SendMsg and RecvMsg, even one
// that is waiting; the handler then returns, and the client is told why the session ended, whatever the handler says.
func (v *Verifier) serve(server any, stream grpc.ServerStream, session Session, handle grpc.StreamHandler) error {
	ctx, end := context.WithCancelCause(withSession(stream.Context(), session))
	defer end(nil)
	forget, ok := v.feed.watchers.add(&session, end)
	if !ok {
		return ErrTooManyStreams
	}
	defer forget()
	// A revocation that came between the token's check and the line above found nothing to end.
	if v.feed.revoked.has(session.SessionID) {
		return ErrSessionEnded
	}
	if v.tokens.keys.isRevoked(session.keyID) {
		return ErrTokenExpired
	}
	tooOld := time.AfterFunc(v.maxAge, func() { end(ErrTokenExpired) })
	defer tooOld.Stop()

	err := handle(server, &guardedStream{ServerStream: stream, ctx: ctx})
	if refused := endedBy(ctx); refused != nil {
		return refused
	}
	return err
}

// endedBy returns the refusal that ended the context, or nil.
func endedBy(ctx context.Context) error {
	if ctx.Err() == nil {
		return nil
	}
	if refused, ok := context.Cause(ctx).(*Refusal); ok { //nolint:errorlint // the cause is set by end, unwrapped
		return refused
	}
	return nil
}

// guardedStream is a stream that fails as soon as its context ends.
type guardedStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // grpc.ServerStream hands its context out by a method
}

func (s *guardedStream) Context() context.Context { return s.ctx }

// SendMsg sends nothing once the session has ended. A message that is under way by then may still arrive.
func (s *guardedStream) SendMsg(message any) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	return s.ServerStream.SendMsg(message)
}

// RecvMsg returns when the session ends, though grpc's own would wait for the client. What waits then ends with the
// stream, which is as soon as the handler returns; it may write to the message until then, so an error's message must
// not be used, as ever.
func (s *guardedStream) RecvMsg(message any) error {
	if s.ctx.Err() != nil {
		return context.Cause(s.ctx)
	}
	received := make(chan error, 1)
	go func() { received <- s.ServerStream.RecvMsg(message) }()
	select {
	case err := <-received:
		return err
	case <-s.ctx.Done():
		return context.Cause(s.ctx)
	}
}
