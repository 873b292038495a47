package boltstore

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// What was handled and what was let through are both marks: a key and a moment, forgotten by age.
const (
	eventMarks   = "events"    // event → when it was handled
	eventMarksAt = "events_at" // when, event
	capMarks     = "caps"      // kind, address → when
	capMarksAt   = "caps_at"   // when, kind and address
)

func eventBuckets() []string { return []string{eventMarks, eventMarksAt} }
func capBuckets() []string   { return []string{capMarks, capMarksAt} }

// marks is a set of keys, each with a moment.
type marks struct {
	tx   *bolt.Tx
	at   boltdb.Table[time.Time]
	byAt boltdb.Multi
}

func (m marks) set(key string, at time.Time) error {
	old, found, err := m.at.Get(m.tx, key)
	if err != nil {
		return err
	}
	if found {
		if err := m.byAt.Remove(m.tx, boltdb.Time(old), key); err != nil {
			return err
		}
	}
	if err := m.byAt.Add(m.tx, boltdb.Time(at), key); err != nil {
		return err
	}
	return m.at.Put(m.tx, key, at)
}

func (m marks) deleteBefore(t time.Time, limit int) (int, error) {
	old, err := m.byAt.Below(m.tx, boltdb.Time(t), limit)
	if err != nil {
		return 0, err
	}
	for _, e := range old {
		if err := m.byAt.Remove(m.tx, e.Value, e.ID); err != nil {
			return 0, err
		}
		if err := m.at.Delete(m.tx, e.ID); err != nil {
			return 0, err
		}
	}
	return len(old), nil
}

type events struct{ marks }

var _ store.Events = events{}

func newEvents(tx *bolt.Tx) events {
	return events{marks{tx: tx, at: boltdb.Table[time.Time]{Bucket: eventMarks}, byAt: boltdb.Multi{Bucket: eventMarksAt}}}
}

// Handled implements store.Events.
func (e events) Handled(id string) (bool, error) {
	_, found, err := e.at.Get(e.tx, id)
	return found, err
}

// MarkHandled implements store.Events.
func (e events) MarkHandled(id string, at time.Time) error { return e.set(id, at) }

// DeleteBefore implements store.Events.
func (e events) DeleteBefore(t time.Time, limit int) (int, error) { return e.deleteBefore(t, limit) }

type caps struct{ marks }

var _ store.Caps = caps{}

func newCaps(tx *bolt.Tx) caps {
	return caps{marks{tx: tx, at: boltdb.Table[time.Time]{Bucket: capMarks}, byAt: boltdb.Multi{Bucket: capMarksAt}}}
}

// Last implements store.Caps.
func (c caps) Last(kind alert.Kind, email string) (time.Time, error) {
	at, _, err := c.at.Get(c.tx, capKey(kind, email))
	return at, err
}

// Set implements store.Caps.
func (c caps) Set(kind alert.Kind, email string, at time.Time) error {
	return c.set(capKey(kind, email), at)
}

// DeleteBefore implements store.Caps.
func (c caps) DeleteBefore(t time.Time, limit int) (int, error) { return c.deleteBefore(t, limit) }

func capKey(kind alert.Kind, email string) string {
	return boltdb.Key(string(kind), alert.SameAddress(email))
}
