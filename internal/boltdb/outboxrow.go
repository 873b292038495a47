package boltdb

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/outbox"
)

// published is the row at the place the ack names; the zero ack makes it
// pending.
func published(row outbox.Row, ack outbox.Ack) outbox.Row {
	row.Stream, row.StreamCreated = ack.Stream, ack.StreamCreated
	row.Sequence, row.AckedAt = ack.Sequence, ack.At
	return row
}

// get returns a row that an index names.
func (o *Outbox) get(tx *bolt.Tx, id string) (outboxRow, error) {
	stored, found, err := o.rows.Get(tx, id)
	if err == nil && !found {
		err = fmt.Errorf("outbox row %s is missing though an index names it: restore a backup", id)
	}
	return stored, err
}

// replace changes the row's place and moves its index entries along.
func (o *Outbox) replace(tx *bolt.Tx, old outboxRow, row outbox.Row) error {
	if err := o.unindex(tx, old); err != nil {
		return err
	}
	return o.put(tx, outboxRow{Position: old.Position, Row: row})
}

// put stores the row and its index entries. A row is in the pending index, or
// in the two of published rows.
func (o *Outbox) put(tx *bolt.Tx, r outboxRow) error {
	if err := o.rows.Put(tx, r.Row.ID, r); err != nil {
		return err
	}
	if r.Row.Pending() {
		return o.pending.Add(tx, Number(r.Position), r.Row.ID)
	}
	places, err := bucket(tx, outboxPlaces)
	if err != nil {
		return err
	}
	return errors.Join(
		places.Put([]byte(place(r.Row)), []byte(r.Row.ID)),
		o.acked.Add(tx, Time(r.Row.AckedAt), r.Row.ID),
	)
}

// unindex removes what put entered into the indexes.
func (o *Outbox) unindex(tx *bolt.Tx, r outboxRow) error {
	if r.Row.Pending() {
		return o.pending.Remove(tx, Number(r.Position), r.Row.ID)
	}
	places, err := bucket(tx, outboxPlaces)
	if err != nil {
		return err
	}
	return errors.Join(
		places.Delete([]byte(place(r.Row))),
		o.acked.Remove(tx, Time(r.Row.AckedAt), r.Row.ID),
	)
}

func place(row outbox.Row) string {
	return Key(row.Stream, Time(row.StreamCreated), Number(row.Sequence), row.ID)
}

// lost returns the ids of published rows, at most a chunk, that the stream
// doesn't hold when it was created then and ends at last. In the order of places
// they are what comes before this creation of the stream, and what comes after
// its last message; the many in between aren't read.
func lost(tx *bolt.Tx, stream string, created time.Time, last uint64) ([]string, error) {
	places, err := bucket(tx, outboxPlaces)
	if err != nil {
		return nil, err
	}
	var ids []string
	this := Key(stream, Time(created))
	err = walk(places, Range{Prefix: Key(stream), Limit: outboxChunk}, func(key, id []byte) error {
		if string(key) >= this {
			return errStop
		}
		ids = append(ids, string(id))
		return nil
	})
	if err != nil || len(ids) == outboxChunk {
		return ids, err
	}
	// No entry has exactly this key, as an entry has an id too: it stands just
	// before the first lost one.
	end := Key(stream, Time(created), Number(last+1))
	beyond := Range{Prefix: Key(stream), After: end, Limit: outboxChunk - len(ids)}
	err = walk(places, beyond, func(_, id []byte) error {
		ids = append(ids, string(id))
		return nil
	})
	return ids, err
}
