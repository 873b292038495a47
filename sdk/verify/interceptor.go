package verify

import (
	"context"
	"errors"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
)

// Unary guards unary methods. Put it after what recovers and logs, before everything that trusts the caller.
func (v *Verifier) Unary(options ...Option) grpc.UnaryServerInterceptor {
	public := newPublicMethods(options)
	return func(ctx context.Context, request any, info *grpc.UnaryServerInfo, handle grpc.UnaryHandler) (any, error) {
		session, err := v.fromMetadata(ctx)
		switch {
		case err == nil:
			return handle(withSession(ctx, session), request)
		case public[info.FullMethod]:
			return handle(ctx, request)
		default:
			v.logRefusal(ctx, info.FullMethod, err)
			return nil, onWire(err)
		}
	}
}

// Stream guards streaming methods, and ends a stream whose session is revoked.
func (v *Verifier) Stream(options ...Option) grpc.StreamServerInterceptor {
	public := newPublicMethods(options)
	return func(server any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handle grpc.StreamHandler) error {
		session, err := v.fromMetadata(stream.Context())
		switch {
		case public[info.FullMethod] && err != nil:
			return handle(server, stream)
		case err == nil:
			err = v.serve(server, stream, session, handle)
		}
		if refused := new(Refusal); errors.As(err, &refused) {
			v.logRefusal(stream.Context(), info.FullMethod, err)
			return onWire(err)
		}
		return err
	}
}

// fromMetadata checks the token that a call carries in `authorization: Bearer …`.
func (v *Verifier) fromMetadata(ctx context.Context) (Session, error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	switch len(values) {
	case 0:
		return Session{}, ErrTokenMissing
	case 1:
	default:
		return Session{}, invalid("more than one authorization header") // which one would another reader take?
	}
	scheme, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(scheme, "bearer") {
		return Session{}, ErrTokenMissing
	}
	return v.Verify(ctx, token)
}

// logRefusal tells why a call wasn't let in. Its level is low: whoever is refused sets the pace.
func (v *Verifier) logRefusal(ctx context.Context, method string, err error) {
	cause := "none"
	if f, ok := errors.AsType[*fault](err); ok {
		cause = f.cause
	}
	reason := "UNKNOWN"
	if refused, ok := errors.AsType[*Refusal](err); ok {
		reason = refused.reason.String()
	}
	v.logger.LogAttrs(ctx, slog.LevelDebug, "call refused",
		slog.String("method", method), slog.String("reason", reason), slog.String("cause", cause))
}
