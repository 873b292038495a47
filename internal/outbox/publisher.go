package outbox

import (
	"context"
	"errors"
	"time"
)

// ErrMoved says that the stream isn't where the relay left it: it lost its tail, was created anew, or somebody else writes to it.
var ErrMoved = errors.New("outbox: the stream is not where the relay left it")

// Place says where a stream stands.
type Place struct {
	Stream string
	// Created tells the stream from another of the same name.
	Created time.Time
	// Last is the sequence of its newest message, also when that one is gone.
	Last uint64
}

// Stored is the bus's acknowledgement of one row.
type Stored struct {
	Sequence uint64
	// Duplicate says that the stream had the event already, at Sequence.
	Duplicate bool
}

// Receipt waits for the acknowledgement of one published row. The relay calls it once.
type Receipt func(ctx context.Context) (Stored, error)

// Publisher is the bus as the relay sees it; internal/bus implements it.
type Publisher interface {
	// Route names the stream that a subject belongs to.
	Route(subject string) (string, error)
	// Place asks where the stream stands.
	Place(ctx context.Context, stream string) (Place, error)
	// Publish sends the row and doesn't wait. The stream must refuse it with ErrMoved unless its last sequence is at.Last: so a
	// stream that was rolled back can't take new events before the relay has seen what is missing, and two relays can't interleave.
	Publish(row Row, at Place) (Receipt, error)
	// Reconnected is signalled (non-blocking, capacity 1) whenever the connection was lost and is back.
	Reconnected() <-chan struct{}
}
