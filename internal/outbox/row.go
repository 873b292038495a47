package outbox

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrInvalidRow says that a row can't be appended: a field the bus needs is missing, or the body is too large.
var ErrInvalidRow = errors.New("outbox: row can't be published")

// MaxData bounds a row's body. It is far below what the bus takes, so that no row that was accepted can block those behind it.
const MaxData = 256 << 10

// Row is one event on its way to the bus.
type Row struct {
	// ID is the event's id. It becomes ce-id and Nats-Msg-Id, so it must never be used for two events.
	ID string
	// Subject is where the event is published; it decides the stream.
	Subject string
	// Key orders: rows with the same key are published one after the other, in the order they were appended. It is the user's id,
	// or empty where no order is needed.
	Key string
	// Type is the CloudEvents type.
	Type string
	// Source is the CloudEvents source: the service that appended.
	Source string
	// Time is when it happened.
	Time time.Time
	// UserVersion is the user's version after the change; 0 for events that belong to no user.
	UserVersion uint64
	// Data is the protobuf body.
	Data []byte
	// Traceparent links the event to the request that caused it, as W3C Trace Context writes it; empty where nothing is traced. Append
	// fills it in from the transaction's context.
	Traceparent string

	// The place in the stream, as acknowledged. All four are zero while the row is pending.
	Stream        string
	StreamCreated time.Time
	Sequence      uint64
	AckedAt       time.Time
}

// Validate reports what Append must refuse.
func (r Row) Validate() error {
	var problem string
	switch {
	case r.ID == "":
		problem = "id is empty"
	case r.Subject == "":
		problem = "subject is empty"
	case r.Type == "":
		problem = "type is empty"
	case r.Source == "":
		problem = "source is empty"
	case r.Time.IsZero():
		problem = "time is zero"
	case len(r.Data) > MaxData:
		problem = fmt.Sprintf("body has %d bytes, more than %d", len(r.Data), MaxData)
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", ErrInvalidRow, problem)
}

// Pending says whether the row still waits for an acknowledgement.
func (r Row) Pending() bool { return r.Sequence == 0 }

// Ack is the bus's answer for one row: the place it was stored at.
type Ack struct {
	// ID is the row's.
	ID string
	// Stream and StreamCreated name the stream; the creation time tells it from a later stream of the same name.
	Stream        string
	StreamCreated time.Time
	// Sequence is the row's place in the stream, from 1.
	Sequence uint64
	// At is when the acknowledgement arrived.
	At time.Time
}

// Appender is the role inside a service's transaction: the row is kept exactly when the change is.
type Appender interface {
	// Append adds a pending row, with the trace of the transaction's context where it names none. It refuses with ErrInvalidRow what Row.Validate refuses.
	Append(Row) error
}

// Queue is what the relay sees of a service's store. Every method is one transaction of its own and is durable when it returns.
type Queue interface {
	// Pending returns up to limit rows without a sequence, oldest first. Oldest means the order in which they were appended, for
	// rewound rows too.
	Pending(ctx context.Context, limit int) ([]Row, error)
	// Acknowledged stores stream and sequence for each row, which is then no longer pending. Ids it doesn't know are ignored: the
	// row may have been forgotten.
	Acknowledged(ctx context.Context, acks []Ack) error
	// Rewind makes rows of the stream pending again whose sequence is beyond last, or which were acknowledged by a stream created
	// at another time. It returns how many.
	Rewind(ctx context.Context, stream string, created time.Time, last uint64) (int, error)
	// Forget removes rows acknowledged before t, and returns how many. Pending rows are never removed.
	Forget(ctx context.Context, before time.Time) (int, error)
	// Depth returns the number of pending rows and the Time of the oldest; the zero time when there is none.
	Depth(ctx context.Context) (n int, oldest time.Time, err error)
	// Changed is signalled (non-blocking, capacity 1) after each commit that appended.
	Changed() <-chan struct{}
}
