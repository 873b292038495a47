package boltstore

import (
	"fmt"
	"math"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
)

// set is a table together with the indexes that list its records, kept in step with each other. It is a value that says how; the
// records are in the transaction that is passed in.
type set[T any] struct {
	table table[T]
	key   func(T) string
	lists []list[T]
}

// table is what records are kept in: boltdb.Table, or boltdb.Cached over one.
type table[T any] interface {
	Name() string
	Get(tx *bolt.Tx, key string) (T, bool, error)
	Put(tx *bolt.Tx, key string, record T) error
	Delete(tx *bolt.Tx, key string) error
	Scan(tx *bolt.Tx, r boltdb.Range) ([]boltdb.Item[T], error)
}

// list is an index, and the value under which it has a record; empty where it doesn't have it.
type list[T any] struct {
	in    index
	under func(T) string
}

// index is what all kinds of index are written through.
type index interface {
	Add(tx *bolt.Tx, value, id string) error
	Remove(tx *bolt.Tx, value, id string) error
}

var (
	_ index = boltdb.Multi{}
	_ index = newestFirst{}
	_ index = sole{}
)

// put stores a record and moves it in the indexes whose value has changed.
func (s set[T]) put(tx *bolt.Tx, record T) error {
	key := s.key(record)
	old, had, err := s.table.Get(tx, key)
	if err != nil {
		return err
	}
	for _, l := range s.lists {
		was, is := "", l.under(record)
		if had {
			was = l.under(old)
		}
		if err := move(tx, l.in, key, was, is); err != nil {
			return err
		}
	}
	return s.table.Put(tx, key, record)
}

// delete removes a record and its entries; a missing one is no error.
func (s set[T]) delete(tx *bolt.Tx, key string) error {
	old, had, err := s.table.Get(tx, key)
	if err != nil {
		return err
	}
	for _, l := range s.lists {
		if !had {
			break
		}
		if err := move(tx, l.in, key, l.under(old), ""); err != nil {
			return err
		}
	}
	return s.table.Delete(tx, key)
}

// deleteBefore removes at most limit records that an index of moments has before t.
func (s set[T]) deleteBefore(tx *bolt.Tx, moments boltdb.Multi, t time.Time, limit int) (int, error) {
	keys, err := before(tx, moments, t, limit)
	if err != nil {
		return 0, err
	}
	for _, key := range keys {
		if err := s.delete(tx, key); err != nil {
			return 0, err
		}
	}
	return len(keys), nil
}

// fetch reads the records that an index named, in that order.
func (s set[T]) fetch(tx *bolt.Tx, keys []string) ([]T, error) {
	records := make([]T, 0, len(keys))
	for _, key := range keys {
		record, found, err := s.table.Get(tx, key)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, missing(s.table.Name(), key)
		}
		records = append(records, record)
	}
	return records, nil
}

// listed are a table's records in the order of their keys, from the one after the key after on, at most limit. It reads page by page, so that
// "all" is all.
func listed[T any](tx *bolt.Tx, in table[T], after string, limit int) ([]T, error) {
	var records []T
	for len(records) < limit {
		size := min(limit-len(records), boltdb.MaxScan)
		page, err := in.Scan(tx, boltdb.Range{After: after, Limit: size})
		if err != nil {
			return nil, err
		}
		for _, item := range page {
			records = append(records, item.Value)
		}
		if len(page) < size {
			break
		}
		after = page[len(page)-1].Key
	}
	return records, nil
}

// find reads the record that a unique index has under a value.
func find[T any](tx *bolt.Tx, by boltdb.Unique, in table[T], value string) (record T, found bool, err error) {
	key, found, err := by.Lookup(tx, value)
	if err != nil || !found {
		return record, false, err
	}
	record, found, err = in.Get(tx, key)
	if err == nil && !found {
		err = missing(in.Name(), key)
	}
	return record, found, err
}

func move(tx *bolt.Tx, in index, key, was, is string) error {
	if was == is {
		return nil
	}
	if was != "" {
		if err := in.Remove(tx, was, key); err != nil {
			return err
		}
	}
	if is == "" {
		return nil
	}
	return in.Add(tx, is, key)
}

// missing is an index that names a record which isn't there: only a damaged file has that.
func missing(bucket, key string) error {
	return fmt.Errorf("a record of %s is missing though an index names it (%q): restore a backup", bucket, key)
}

// all lifts the limit from idsUnder and listed.
const all = math.MaxInt

// idsUnder are the ids that an index has under a value, oldest first, at most limit. It reads page by page, so that "all" is all: a
// containment that overlooked a session would spare an intruder.
func idsUnder(tx *bolt.Tx, in boltdb.Multi, value string, limit int) ([]string, error) {
	var ids []string
	last := ""
	for len(ids) < limit {
		size := min(limit-len(ids), boltdb.MaxScan)
		page, err := in.IDs(tx, value, last, size)
		if err != nil {
			return nil, err
		}
		ids = append(ids, page...)
		if len(page) < size {
			break
		}
		last = page[len(page)-1]
	}
	return ids, nil
}

// before are the ids that an index of moments has before t, earliest first, at most limit and boltdb.MaxScan.
func before(tx *bolt.Tx, moments boltdb.Multi, t time.Time, limit int) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	entries, err := moments.Below(tx, moment(t), limit)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	return ids, nil
}

// moment is a time as the indexes have it. The zero time, which lies outside the span they can hold, comes before all others.
func moment(t time.Time) string {
	if t.IsZero() {
		return boltdb.Number(0)
	}
	return boltdb.Time(t)
}

// newestFirst is an index that is read backwards, which boltdb.Multi isn't. Each entry holds its id.
type newestFirst struct {
	table boltdb.Table[string]
}

// Add puts the pair into the index.
func (n newestFirst) Add(tx *bolt.Tx, value, id string) error {
	return n.table.Put(tx, boltdb.Key(value, id), id)
}

// Remove takes the pair out; a missing one is no error.
func (n newestFirst) Remove(tx *bolt.Tx, value, id string) error {
	return n.table.Delete(tx, boltdb.Key(value, id))
}

// ids are the value's ids, newest first, from the one after last on; an empty last begins with the newest.
func (n newestFirst) ids(tx *bolt.Tx, value, last string, limit int) ([]string, error) {
	if limit <= 0 {
		return nil, nil
	}
	r := boltdb.Range{Prefix: boltdb.Key(value), Limit: limit, Descending: true}
	if last != "" {
		r.After = boltdb.Key(value, last)
	}
	items, err := n.table.Scan(tx, r)
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(items))
	for i, item := range items {
		ids[i] = item.Value
	}
	return ids, nil
}
