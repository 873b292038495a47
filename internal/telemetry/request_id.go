package telemetry

import "context"

type requestIDKey struct{}

// WithRequestID returns a context whose log lines carry id. Package rpc calls it
// at the edge of each call.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// RequestID is the id of the call that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}
