package telemetry

import (
	"context"
	"sync"
)

type (
	requestIDKey struct{}
	eventIDKey   struct{}
)

// WithRequestID returns a context whose log lines carry id. Package rpc calls it
// at the edge of each call.
func WithRequestID(ctx context.Context, id string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, id)
}

// DeferRequestID is WithRequestID for an id that is made once somebody asks for it:
// most calls end well and have no line in the log.
func DeferRequestID(ctx context.Context, fresh func() string) context.Context {
	return context.WithValue(ctx, requestIDKey{}, &deferredID{fresh: fresh})
}

// RequestID is the id of the call that ctx belongs to; empty outside of one.
func RequestID(ctx context.Context) string {
	switch id := ctx.Value(requestIDKey{}).(type) {
	case string:
		return id
	case *deferredID:
		return id.get()
	default:
		return ""
	}
}

type deferredID struct {
	once  sync.Once
	fresh func() string
	id    string
}

func (d *deferredID) get() string {
	d.once.Do(func() { d.id = d.fresh() })
	return d.id
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
