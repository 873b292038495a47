package boltdb

import (
	"context"
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/telemetry"
)

// The outbox's buckets. Whether a row is pending is a state, kept as an entry of
// the pending index, and never a cursor that could run past a row: rows commit
// in another order than their ids were made in.
const (
	outboxRows    = "outbox"         // id → row
	outboxPending = "outbox_pending" // position, id: what waits, in the order of appending
	outboxPlaces  = "outbox_places"  // stream, its creation, sequence, id: what is published, by place
	outboxAcked   = "outbox_acked"   // time of acknowledgement, id: what is published, by age
)

// outboxChunk bounds the rows that one transaction rewinds or forgets, so that
// a long backlog doesn't hold up the service's own writes.
const outboxChunk = 500

// OutboxBuckets are the buckets a store with an outbox names in Options.Buckets.
func OutboxBuckets() []string {
	return []string{outboxRows, outboxPending, outboxPlaces, outboxAcked}
}

// outboxRow is a row as stored. The position is its place in the order of
// appending, which it keeps for life: a rewound row goes back to where it was.
type outboxRow struct {
	Position uint64
	Row      outbox.Row
}

// Outbox is the outbox of one store. There is one value per DB: it carries the
// signal from the transactions that append to the relay that publishes.
type Outbox struct {
	db      *DB
	changed chan struct{}
	rows    Table[outboxRow]
	pending Multi
	acked   Multi
}

var _ outbox.Queue = (*Outbox)(nil)

// NewOutbox returns the outbox of db.
func NewOutbox(db *DB) *Outbox {
	return &Outbox{
		db:      db,
		changed: make(chan struct{}, 1),
		rows:    Table[outboxRow]{Bucket: outboxRows},
		pending: Multi{Bucket: outboxPending},
		acked:   Multi{Bucket: outboxAcked},
	}
}

// In returns the appending role inside the transaction that ctx is for.
func (o *Outbox) In(ctx context.Context, tx *bolt.Tx) outbox.Appender {
	return appender{outbox: o, tx: tx, traceparent: telemetry.Traceparent(ctx)}
}

type appender struct {
	outbox      *Outbox
	tx          *bolt.Tx
	traceparent string
}

// Append adds a pending row. An id that is there already is an error: it would
// be two events under one id, and consumers would drop the second.
func (a appender) Append(row outbox.Row) error {
	if err := row.Validate(); err != nil {
		return err
	}
	if row.Traceparent == "" {
		row.Traceparent = a.traceparent
	}
	o, tx := a.outbox, a.tx
	if _, found, err := o.rows.Get(tx, row.ID); err != nil || found {
		return errors.Join(err, fmt.Errorf("append outbox row %s: the id is in use", row.ID))
	}
	b, err := bucket(tx, outboxPending)
	if err != nil {
		return err
	}
	position, err := b.NextSequence()
	if err != nil {
		return fmt.Errorf("append outbox row: %w", err)
	}
	tx.OnCommit(o.signal)
	return o.put(tx, outboxRow{Position: position, Row: published(row, outbox.Ack{})})
}

// signal tells the relay that there is something new. One waiting signal is
// enough: the relay reads until nothing is pending.
func (o *Outbox) signal() {
	select {
	case o.changed <- struct{}{}:
	default:
	}
}

// Changed is signalled after each commit that appended.
func (o *Outbox) Changed() <-chan struct{} { return o.changed }

// Pending returns up to limit pending rows, in the order of appending.
func (o *Outbox) Pending(ctx context.Context, limit int) (rows []outbox.Row, err error) {
	err = o.db.View(ctx, func(tx *bolt.Tx) error {
		entries, err := o.pending.scan(tx, Range{Limit: limit}, "")
		if err != nil {
			return err
		}
		for _, e := range entries {
			stored, err := o.get(tx, e.ID)
			if err != nil {
				return err
			}
			rows = append(rows, stored.Row)
		}
		return nil
	})
	return rows, err
}

// Acknowledged stores where the bus put each row.
func (o *Outbox) Acknowledged(ctx context.Context, acks []outbox.Ack) error {
	return o.db.Update(ctx, func(tx *bolt.Tx) error {
		for _, ack := range acks {
			if ack.Sequence == 0 {
				return fmt.Errorf("acknowledge outbox row %s: the sequence is 0", ack.ID)
			}
			stored, found, err := o.rows.Get(tx, ack.ID)
			if err != nil {
				return err
			}
			if !found {
				continue
			}
			if err := o.replace(tx, stored, published(stored.Row, ack)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Rewind makes pending again what the stream, as it is now, doesn't hold.
func (o *Outbox) Rewind(ctx context.Context, stream string, created time.Time, last uint64) (int, error) {
	return o.inChunks(ctx, func(tx *bolt.Tx) (int, error) {
		ids, err := lost(tx, stream, created, last)
		if err != nil {
			return 0, err
		}
		for _, id := range ids {
			stored, err := o.get(tx, id)
			if err != nil {
				return 0, err
			}
			if err := o.replace(tx, stored, published(stored.Row, outbox.Ack{})); err != nil {
				return 0, err
			}
		}
		return len(ids), nil
	})
}

// Forget removes rows acknowledged before t.
func (o *Outbox) Forget(ctx context.Context, before time.Time) (int, error) {
	return o.inChunks(ctx, func(tx *bolt.Tx) (int, error) {
		entries, err := o.acked.Below(tx, Time(before), outboxChunk)
		if err != nil {
			return 0, err
		}
		for _, e := range entries {
			stored, err := o.get(tx, e.ID)
			if err != nil {
				return 0, err
			}
			if err := errors.Join(o.unindex(tx, stored), o.rows.Delete(tx, e.ID)); err != nil {
				return 0, err
			}
		}
		return len(entries), nil
	})
}

// Depth counts what is pending and says since when.
func (o *Outbox) Depth(ctx context.Context) (n int, oldest time.Time, err error) {
	err = o.db.View(ctx, func(tx *bolt.Tx) error {
		if n, err = Count(tx, outboxPending); err != nil { // its pages are few unless the bus is down
			return err
		}
		first, err := o.pending.scan(tx, Range{Limit: 1}, "")
		if err != nil || len(first) == 0 {
			return err
		}
		stored, err := o.get(tx, first[0].ID)
		oldest = stored.Row.Time
		return err
	})
	return n, oldest, err
}

// inChunks repeats the step, each time in a transaction of its own, until it
// finds less than a full chunk to do.
func (o *Outbox) inChunks(ctx context.Context, step func(*bolt.Tx) (int, error)) (total int, err error) {
	for {
		var n int
		err := o.db.Update(ctx, func(tx *bolt.Tx) (err error) {
			n, err = step(tx)
			return err
		})
		if err != nil {
			return total, err
		}
		total += n
		if n < outboxChunk {
			return total, nil
		}
	}
}
