package boltdb

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	bolt "go.etcd.io/bbolt"
)

var (
	// ErrNewerRecord is returned for a record whose version this release
	// doesn't know.
	ErrNewerRecord = errors.New("the record was written by a newer release")
	// ErrNoBucket is returned for a bucket that Options.Buckets didn't name.
	ErrNoBucket = errors.New("the store has no such bucket: name it in Options.Buckets")
)

// MaxScan is the most that one scan returns, whatever its Limit says.
const MaxScan = 10_000

// Table keeps records of one type in one bucket, by key. It is a value that says
// how to read and write; the records are in the transaction that is passed in.
//
// A record is stored as one byte, its version, and JSON. A release may add
// fields without raising the version: the release before ignores them, and drops
// them when it writes the record back. What must not be lost that way needs a
// new version, which the release before refuses to read.
//
// JSON writes a secret type as "[redacted]", so records hold digests and sealed
// bytes, never secrets.
type Table[T any] struct {
	// Bucket must be one of Options.Buckets.
	Bucket string
	// Version is what this release writes; 0 means 1.
	Version byte
	// Upgrade reads the JSON of a record with an older version; nil means that
	// older versions decode as they are.
	Upgrade func(version byte, data []byte) (T, error)
}

// Item is one record of a scan, with its key.
type Item[T any] struct {
	Key   string
	Value T
}

// Range says which records a scan returns, in the order of their keys.
type Range struct {
	// Prefix that the keys have; empty means all.
	Prefix string
	// After is the key that the last page ended with; empty begins at the first.
	After string
	// Limit is the most to return; 0 means MaxScan.
	Limit int
	// Descending goes from the highest key to the lowest.
	Descending bool
}

// Name is the bucket's.
func (t Table[T]) Name() string { return t.Bucket }

// Get returns the record with this key, and whether there is one.
func (t Table[T]) Get(tx *bolt.Tx, key string) (value T, found bool, err error) {
	b, err := bucket(tx, t.Bucket)
	if err != nil {
		return value, false, err
	}
	raw := b.Get([]byte(key))
	if raw == nil {
		return value, false, nil
	}
	if value, err = t.decode(raw); err != nil {
		return value, false, err
	}
	return value, true, nil
}

// Put stores the record under the key, in place of what was there.
func (t Table[T]) Put(tx *bolt.Tx, key string, value T) error {
	b, err := bucket(tx, t.Bucket)
	if err != nil {
		return err
	}
	raw, err := t.encode(value)
	if err != nil {
		return err
	}
	if err := b.Put([]byte(key), raw); err != nil {
		return fmt.Errorf("put into %s: %w", t.Bucket, err)
	}
	return nil
}

// Delete removes the record; a missing one is no error.
func (t Table[T]) Delete(tx *bolt.Tx, key string) error {
	b, err := bucket(tx, t.Bucket)
	if err != nil {
		return err
	}
	if err := b.Delete([]byte(key)); err != nil {
		return fmt.Errorf("delete from %s: %w", t.Bucket, err)
	}
	return nil
}

// Scan returns the records of the range.
func (t Table[T]) Scan(tx *bolt.Tx, r Range) ([]Item[T], error) {
	b, err := bucket(tx, t.Bucket)
	if err != nil {
		return nil, err
	}
	var items []Item[T]
	err = walk(b, r, func(key, raw []byte) error {
		value, err := t.decode(raw)
		if err != nil {
			return err
		}
		items = append(items, Item[T]{Key: string(key), Value: value})
		return nil
	})
	return items, err
}

func (t Table[T]) version() byte { return max(t.Version, 1) }

func (t Table[T]) encode(value T) ([]byte, error) {
	data, err := json.Marshal(value)
	if err != nil {
		return nil, fmt.Errorf("encode a record of %s: %w", t.Bucket, err)
	}
	return append([]byte{t.version()}, data...), nil
}

// decode copies: what it returns outlives the transaction. Errors don't quote
// the record.
func (t Table[T]) decode(raw []byte) (value T, err error) {
	if len(raw) < 2 || raw[0] == 0 {
		return value, fmt.Errorf("a record of %s can't be read: restore a backup", t.Bucket)
	}
	version, data := raw[0], raw[1:]
	switch {
	case version > t.version():
		return value, fmt.Errorf("a record of %s has version %d and this release knows up to %d: run the newer release: %w",
			t.Bucket, version, t.version(), ErrNewerRecord)
	case version < t.version() && t.Upgrade != nil:
		value, err = t.Upgrade(version, bytes.Clone(data))
	default:
		err = json.Unmarshal(data, &value)
	}
	if err != nil {
		var none T
		return none, fmt.Errorf("decode a record of %s, version %d: %s", t.Bucket, version, unreadable(err))
	}
	return value, nil
}

// unreadable says where a record isn't as it should be. The cause stops here: it may quote what it couldn't read.
func unreadable(err error) string {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return "its JSON is broken at byte " + strconv.FormatInt(syntax.Offset, 10)
	case errors.As(err, &mismatch):
		return "a value doesn't fit its field at byte " + strconv.FormatInt(mismatch.Offset, 10)
	default:
		return "a text doesn't fit its field"
	}
}

func bucket(tx *bolt.Tx, name string) (*bolt.Bucket, error) {
	b := tx.Bucket([]byte(name))
	if b == nil {
		return nil, fmt.Errorf("bucket %q: %w", name, ErrNoBucket)
	}
	return b, nil
}

// Count is how many records a table's bucket holds, or an index how many
// entries. It walks the pages, not what is on them.
func Count(tx *bolt.Tx, name string) (int, error) {
	b, err := bucket(tx, name)
	if err != nil {
		return 0, err
	}
	return b.Stats().KeyN, nil
}
