package telemetry

import "context"

type (
	requestIDKey struct{}
	eventIDKey   struct{}
)

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

// WithEventID returns a context whose log lines carry the id of the event that is
// being handled. Package bus calls it for each delivery.
func WithEventID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, eventIDKey{}, id)
}

// EventID is the id of the event that is handled in ctx; empty outside of a handler.
func EventID(ctx context.Context) string {
	id, _ := ctx.Value(eventIDKey{}).(string)
	return id
}
