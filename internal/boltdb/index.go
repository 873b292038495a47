package boltdb

import (
	"bytes"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// Unique is an index in which a value belongs to at most one id: an email to
// its user. It is written by the store that owns the table, in the same
// transaction as the record.
type Unique struct {
	// Bucket must be one of Options.Buckets.
	Bucket string
}

// Claim gives the value to id if nobody holds it, and returns who holds it now.
// A holder other than id is a refusal, and nothing has changed.
func (u Unique) Claim(tx *bolt.Tx, value, id string) (holder string, err error) {
	b, err := bucket(tx, u.Bucket)
	if err != nil {
		return "", err
	}
	if held := b.Get([]byte(value)); held != nil {
		return string(held), nil
	}
	if err := b.Put([]byte(value), []byte(id)); err != nil {
		return "", fmt.Errorf("claim in %s: %w", u.Bucket, err)
	}
	return id, nil
}

// Lookup returns who holds the value.
func (u Unique) Lookup(tx *bolt.Tx, value string) (id string, found bool, err error) {
	b, err := bucket(tx, u.Bucket)
	if err != nil {
		return "", false, err
	}
	held := b.Get([]byte(value))
	return string(held), held != nil, nil
}

// IDs returns the ids in the order of their values: those whose value is beyond
// after, at most limit (0 means MaxScan).
func (u Unique) IDs(tx *bolt.Tx, after string, limit int) ([]string, error) {
	b, err := bucket(tx, u.Bucket)
	if err != nil {
		return nil, err
	}
	var ids []string
	err = walk(b, Range{After: after, Limit: limit}, func(_, id []byte) error {
		ids = append(ids, string(id))
		return nil
	})
	return ids, err
}

// Release frees the value if id holds it; another's value stays.
func (u Unique) Release(tx *bolt.Tx, value, id string) error {
	b, err := bucket(tx, u.Bucket)
	if err != nil {
		return err
	}
	if !bytes.Equal(b.Get([]byte(value)), []byte(id)) {
		return nil
	}
	if err := b.Delete([]byte(value)); err != nil {
		return fmt.Errorf("release in %s: %w", u.Bucket, err)
	}
	return nil
}

// Multi is an index in which a value has any number of ids: a user's sessions,
// or, with Time as the value, what expires when.
type Multi struct {
	// Bucket must be one of Options.Buckets.
	Bucket string
}

// Entry is one pair of a Multi index.
type Entry struct {
	Value, ID string
}

// Add puts the pair into the index; one that is there stays.
func (m Multi) Add(tx *bolt.Tx, value, id string) error {
	b, err := bucket(tx, m.Bucket)
	if err != nil {
		return err
	}
	if err := b.Put([]byte(Key(value, id)), []byte{1}); err != nil {
		return fmt.Errorf("add to %s: %w", m.Bucket, err)
	}
	return nil
}

// Remove takes the pair out; a missing one is no error.
func (m Multi) Remove(tx *bolt.Tx, value, id string) error {
	b, err := bucket(tx, m.Bucket)
	if err != nil {
		return err
	}
	if err := b.Delete([]byte(Key(value, id))); err != nil {
		return fmt.Errorf("remove from %s: %w", m.Bucket, err)
	}
	return nil
}

// IDs returns the ids of the value in their order, which for time-ordered ids is
// oldest first: those beyond after, at most limit (0 means MaxScan).
func (m Multi) IDs(tx *bolt.Tx, value, after string, limit int) ([]string, error) {
	r := Range{Prefix: Key(value), Limit: limit}
	if after != "" {
		r.After = Key(value, after)
	}
	entries, err := m.scan(tx, r, "")
	if err != nil {
		return nil, err
	}
	ids := make([]string, len(entries))
	for i, e := range entries {
		ids[i] = e.ID
	}
	return ids, nil
}

// Below returns the pairs whose value is below bound, lowest first, at most
// limit (0 means MaxScan): with Time, what has expired.
func (m Multi) Below(tx *bolt.Tx, bound string, limit int) ([]Entry, error) {
	return m.scan(tx, Range{Limit: limit}, Key(bound))
}

// scan returns the pairs of the range whose key is below the bound, if there is one.
func (m Multi) scan(tx *bolt.Tx, r Range, bound string) ([]Entry, error) {
	b, err := bucket(tx, m.Bucket)
	if err != nil {
		return nil, err
	}
	var entries []Entry
	err = walk(b, r, func(key, _ []byte) error {
		if bound != "" && string(key) >= bound {
			return errStop
		}
		parts := splitKey(string(key))
		if len(parts) != 2 {
			return fmt.Errorf("an entry of %s can't be read: restore a backup", m.Bucket)
		}
		entries = append(entries, Entry{Value: parts[0], ID: parts[1]})
		return nil
	})
	return entries, err
}
