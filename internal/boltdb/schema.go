package boltdb

import (
	"encoding/binary"
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The file says of itself which layout it has, and whether it is a copy, in a
// bucket of its own.
var (
	metaBucket = []byte("_meta")
	schemaKey  = []byte("schema")
	copyKey    = []byte("copy") // present in a copy: when it was taken
)

// ErrCopy is returned by Open for a file that is a backup.
var ErrCopy = errors.New("the file is a backup")

// prepare refuses a file that isn't for this release to work on, migrates an
// older one, and creates the buckets that are missing.
func (o Options) prepare(file *bolt.DB) error {
	var found uint64
	var takenAt string
	err := file.View(func(tx *bolt.Tx) (err error) {
		takenAt = takenAtOf(tx)
		found, err = schemaOf(tx)
		return err
	})
	switch {
	case err != nil:
		return err
	case found > o.SchemaVersion:
		return fmt.Errorf("it has schema %d and this release knows up to %d: run the newer release again, or restore a backup from before the upgrade: %w",
			found, o.SchemaVersion, ErrNewerSchema)
	case takenAt != "" && !o.Copy:
		return fmt.Errorf("it was taken at %s, and what was revoked since would be good again: put it in place with doorward restore: %w", takenAt, ErrCopy)
	case found > 0 && found < o.SchemaVersion:
		return o.migrate(file, found)
	}
	return file.Update(o.layOut)
}

// layOut creates the buckets that are missing and notes the schema version.
func (o Options) layOut(tx *bolt.Tx) error {
	for _, name := range o.Buckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return fmt.Errorf("create bucket %q: %w", name, err)
		}
	}
	return putMeta(tx, schemaKey, binary.BigEndian.AppendUint64(nil, o.SchemaVersion))
}

// schemaOf is 0 for a file that was just created.
func schemaOf(tx *bolt.Tx) (uint64, error) {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return 0, nil
	}
	raw := meta.Get(schemaKey)
	switch len(raw) {
	case 0:
		return 0, nil
	case 8:
		return binary.BigEndian.Uint64(raw), nil
	default:
		return 0, errors.New("its schema version can't be read: restore a backup")
	}
}

// takenAtOf is when a copy was taken; empty for a store.
func takenAtOf(tx *bolt.Tx) string {
	meta := tx.Bucket(metaBucket)
	if meta == nil {
		return ""
	}
	return string(meta.Get(copyKey))
}

func putMeta(tx *bolt.Tx, key, value []byte) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return fmt.Errorf("create bucket %q: %w", metaBucket, err)
	}
	if err := meta.Put(key, value); err != nil {
		return fmt.Errorf("note in the store: %w", err)
	}
	return nil
}
