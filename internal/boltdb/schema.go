package boltdb

import (
	"encoding/binary"
	"fmt"

	bolt "go.etcd.io/bbolt"
)

// The file says of itself which layout it has, in a bucket of its own.
var (
	metaBucket = []byte("_meta")
	schemaKey  = []byte("schema")
)

// prepare checks the file's schema version, raises an older one to this
// release's, and creates the buckets that are missing.
func prepare(tx *bolt.Tx, o Options) error {
	meta, err := tx.CreateBucketIfNotExists(metaBucket)
	if err != nil {
		return err
	}
	found, err := schemaOf(meta)
	if err != nil {
		return err
	}
	if found > o.SchemaVersion {
		return fmt.Errorf("it has schema %d and this release knows up to %d: run the newer release again, or restore a backup from before the upgrade: %w",
			found, o.SchemaVersion, ErrNewerSchema)
	}
	for _, name := range o.Buckets {
		if _, err := tx.CreateBucketIfNotExists([]byte(name)); err != nil {
			return fmt.Errorf("create bucket %q: %w", name, err)
		}
	}
	if found == o.SchemaVersion {
		return nil
	}
	return meta.Put(schemaKey, binary.BigEndian.AppendUint64(nil, o.SchemaVersion))
}

// schemaOf is 0 for a file that was just created.
func schemaOf(meta *bolt.Bucket) (uint64, error) {
	raw := meta.Get(schemaKey)
	switch len(raw) {
	case 0:
		return 0, nil
	case 8:
		return binary.BigEndian.Uint64(raw), nil
	default:
		return 0, fmt.Errorf("its schema version can't be read: restore a backup")
	}
}
