package boltstore

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// A delivery's id sorts by time, so that "newest first" is the records' own order, backwards, and that of the indexes whose entries end
// in the id.
const (
	deliveryRecords = "deliveries"          // id → delivery
	deliveryByEvent = "deliveries_by_event" // event, address, kind → id: each belongs to one delivery
	deliveryByEmail = "deliveries_by_email" // address, id → id
	deliveryByState = "deliveries_by_state" // state, id → id
	deliveryDue     = "deliveries_due"      // next try, id: queued alerts alone
)

func deliveryBuckets() []string {
	return []string{deliveryRecords, deliveryByEvent, deliveryByEmail, deliveryByState, deliveryDue}
}

// listChunk is how many entries of an index are looked at in one go while a filter narrows them further.
const listChunk = 200

// record is a delivery as stored. Its own Token takes the place of the delivery's in JSON, so that a digest is text and not 32 numbers.
type record struct {
	alert.Delivery
	Token []byte
}

func newRecord(d alert.Delivery) record {
	r := record{Delivery: d}
	if !d.Token.IsZero() {
		r.Token = d.Token[:]
	}
	return r
}

func (r record) delivery() (alert.Delivery, error) {
	d := r.Delivery
	if len(r.Token) == 0 {
		return d, nil
	}
	digest, ok := secret.DigestFrom(r.Token)
	if !ok {
		return alert.Delivery{}, fmt.Errorf("the token of delivery %s can't be read: restore a backup", d.ID)
	}
	d.Token = digest
	return d, nil
}

type deliveries struct {
	tx      *bolt.Tx
	records boltdb.Table[record]
	byEvent boltdb.Table[string]
	byEmail boltdb.Table[string]
	byState boltdb.Table[string]
	due     boltdb.Multi
}

var _ store.Deliveries = deliveries{}

func newDeliveries(tx *bolt.Tx) deliveries {
	return deliveries{
		tx:      tx,
		records: boltdb.Table[record]{Bucket: deliveryRecords},
		byEvent: boltdb.Table[string]{Bucket: deliveryByEvent},
		byEmail: boltdb.Table[string]{Bucket: deliveryByEmail},
		byState: boltdb.Table[string]{Bucket: deliveryByState},
		due:     boltdb.Multi{Bucket: deliveryDue},
	}
}

// Get implements store.Deliveries.
func (s deliveries) Get(id string) (alert.Delivery, bool, error) {
	r, found, err := s.records.Get(s.tx, id)
	if err != nil || !found {
		return alert.Delivery{}, false, err
	}
	d, err := r.delivery()
	return d, err == nil, err
}

// Find implements store.Deliveries.
func (s deliveries) Find(eventID, email string, kind alert.Kind) (alert.Delivery, bool, error) {
	held, found, err := s.byEvent.Get(s.tx, eventKey(eventID, email, kind))
	if err != nil || !found {
		return alert.Delivery{}, false, err
	}
	d, err := s.named(held)
	return d, err == nil, err
}

// OfEvent implements store.Deliveries.
func (s deliveries) OfEvent(eventID string, limit int) ([]alert.Delivery, error) {
	return s.indexed(s.byEvent, boltdb.Range{Prefix: boltdb.Key(eventID), Limit: limit})
}

// indexed reads the deliveries that a range of an index names.
func (s deliveries) indexed(index boltdb.Table[string], r boltdb.Range) ([]alert.Delivery, error) {
	entries, err := index.Scan(s.tx, r)
	if err != nil {
		return nil, err
	}
	out := make([]alert.Delivery, 0, len(entries))
	for _, e := range entries {
		d, err := s.named(e.Value)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// named is the delivery that an index names, so it must be there.
func (s deliveries) named(id string) (alert.Delivery, error) {
	d, found, err := s.Get(id)
	if err == nil && !found {
		err = fmt.Errorf("delivery %s is missing though an index names it: restore a backup", id)
	}
	return d, err
}

// Put implements store.Deliveries.
func (s deliveries) Put(d alert.Delivery) error {
	key := eventKey(d.EventID, d.Email, d.Kind)
	holder, taken, err := s.byEvent.Get(s.tx, key)
	if err != nil {
		return err
	}
	if taken && holder != d.ID {
		return store.ErrTaken
	}
	if err := s.byEvent.Put(s.tx, key, d.ID); err != nil {
		return err
	}
	old, found, err := s.Get(d.ID)
	if err != nil {
		return err
	}
	if found {
		if err := s.unindex(old); err != nil {
			return err
		}
	}
	if err := s.index(d); err != nil {
		return err
	}
	return s.records.Put(s.tx, d.ID, newRecord(d))
}

func (s deliveries) index(d alert.Delivery) error {
	if err := s.byEmail.Put(s.tx, emailKey(d), d.ID); err != nil {
		return err
	}
	if err := s.byState.Put(s.tx, stateKey(d), d.ID); err != nil {
		return err
	}
	if d.State != alert.Queued || d.Kind.Sealed() {
		return nil
	}
	return s.due.Add(s.tx, boltdb.Time(d.NextTryAt), d.ID)
}

func (s deliveries) unindex(d alert.Delivery) error {
	if err := s.byEmail.Delete(s.tx, emailKey(d)); err != nil {
		return err
	}
	if err := s.byState.Delete(s.tx, stateKey(d)); err != nil {
		return err
	}
	return s.due.Remove(s.tx, boltdb.Time(d.NextTryAt), d.ID)
}

// Due implements store.Deliveries.
func (s deliveries) Due(t time.Time, limit int) ([]alert.Delivery, error) {
	entries, err := s.due.Below(s.tx, boltdb.Time(t.Add(1)), limit)
	if err != nil {
		return nil, err
	}
	var out []alert.Delivery
	for _, e := range entries {
		d, err := s.named(e.ID)
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// Waiting implements store.Deliveries.
func (s deliveries) Waiting(limit int) ([]alert.Delivery, error) {
	var out []alert.Delivery
	for _, state := range []alert.State{alert.Sending, alert.Queued} {
		if limit <= len(out) {
			break
		}
		page, err := s.indexed(s.byState, boltdb.Range{Prefix: boltdb.Key(string(state)), Limit: limit - len(out)})
		if err != nil {
			return nil, err
		}
		out = append(out, page...)
	}
	return out, nil
}

// List implements store.Deliveries. It walks the narrowest index and leaves out what the filter doesn't want.
func (s deliveries) List(f alert.Filter) ([]alert.Delivery, error) {
	var out []alert.Delivery
	for before := f.Before; len(out) < f.Limit; {
		page, err := s.page(f, before)
		if err != nil {
			return nil, err
		}
		for _, d := range page {
			if len(out) < f.Limit && (f.State == "" || d.State == f.State) {
				out = append(out, d)
			}
		}
		if len(page) < listChunk {
			break
		}
		before = page[len(page)-1].ID
	}
	return out, nil
}

// page reads the next deliveries of the index that fits the filter best, newest first.
func (s deliveries) page(f alert.Filter, before string) ([]alert.Delivery, error) {
	r := boltdb.Range{After: before, Limit: listChunk, Descending: true}
	index := s.byEmail
	switch {
	case f.Email != "":
		r.Prefix = boltdb.Key(alert.SameAddress(f.Email))
	case f.State != "":
		index, r.Prefix = s.byState, boltdb.Key(string(f.State))
	default:
		return s.scan(r)
	}
	if before != "" {
		r.After = r.Prefix + boltdb.Key(before)
	}
	return s.indexed(index, r)
}

// scan reads a range of the records themselves.
func (s deliveries) scan(r boltdb.Range) ([]alert.Delivery, error) {
	items, err := s.records.Scan(s.tx, r)
	if err != nil {
		return nil, err
	}
	out := make([]alert.Delivery, 0, len(items))
	for _, item := range items {
		d, err := item.Value.delivery()
		if err != nil {
			return nil, err
		}
		out = append(out, d)
	}
	return out, nil
}

// DeleteBefore implements store.Deliveries. The order of ids is that of queueing.
func (s deliveries) DeleteBefore(t time.Time, limit int) (int, error) {
	oldest, err := s.scan(boltdb.Range{Limit: limit})
	if err != nil {
		return 0, err
	}
	n := 0
	for _, d := range oldest {
		if !d.State.Settled() || !d.QueuedAt.Before(t) {
			continue
		}
		if err := s.delete(d); err != nil {
			return 0, err
		}
		n++
	}
	return n, nil
}

func (s deliveries) delete(d alert.Delivery) error {
	if err := s.unindex(d); err != nil {
		return err
	}
	if err := s.byEvent.Delete(s.tx, eventKey(d.EventID, d.Email, d.Kind)); err != nil {
		return err
	}
	return s.records.Delete(s.tx, d.ID)
}

func eventKey(eventID, email string, kind alert.Kind) string {
	return boltdb.Key(eventID, alert.SameAddress(email), string(kind))
}

func emailKey(d alert.Delivery) string { return boltdb.Key(alert.SameAddress(d.Email), d.ID) }

func stateKey(d alert.Delivery) string { return boltdb.Key(string(d.State), d.ID) }
