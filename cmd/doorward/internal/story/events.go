package story

import (
	"context"
	"fmt"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/bus"
)

// maxEvents bounds what is remembered of the stream.
const maxEvents = 10_000

// Events remembers authn's events from a moment on, as a subscriber hears them.
type Events struct {
	consuming jetstream.ConsumeContext

	mu    sync.Mutex
	seen  map[string]bool // type and user
	newer chan struct{}   // closed and replaced at each event
}

// Subscribe begins to listen. The connection must be the subscriber's. Close ends it.
func Subscribe(ctx context.Context, conn *bus.Conn) (*Events, error) {
	consumer, err := conn.JetStream().OrderedConsumer(ctx, bus.StreamAuthn, jetstream.OrderedConsumerConfig{
		DeliverPolicy: jetstream.DeliverNewPolicy,
	})
	if err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	e := &Events{seen: make(map[string]bool), newer: make(chan struct{})}
	e.consuming, err = consumer.Consume(func(m jetstream.Msg) { e.hear(m.Headers()) })
	if err != nil {
		return nil, fmt.Errorf("subscribe to events: %w", err)
	}
	return e, nil
}

// Close ends the subscription.
func (e *Events) Close() { e.consuming.Stop() }

func (e *Events) hear(h nats.Header) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.seen) < maxEvents {
		e.seen[key(h.Get("ce-type"), h.Get("ce-subject"))] = true
	}
	close(e.newer)
	e.newer = make(chan struct{})
}

// Await waits for an event of a type about a user, and returns the type.
func (e *Events) Await(ctx context.Context, eventType, userID string) (string, error) {
	for {
		e.mu.Lock()
		seen, newer := e.seen[key(eventType, userID)], e.newer
		e.mu.Unlock()
		if seen {
			return eventType, nil
		}
		select {
		case <-newer:
		case <-ctx.Done():
			return "", fmt.Errorf("no event %s came: %w", eventType, context.Cause(ctx))
		}
	}
}

func key(eventType, userID string) string { return eventType + " " + userID }
