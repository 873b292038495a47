package boltdb

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/backup"
)

var _ backup.Store = (*DB)(nil)

// Snapshot implements backup.Store: it is a read transaction.
func (db *DB) Snapshot(ctx context.Context, fn func(backup.Snapshot) error) error {
	return db.View(ctx, func(tx *bolt.Tx) error {
		schema, err := schemaOf(tx)
		if err != nil {
			return err
		}
		return fn(backup.Snapshot{SchemaVersion: schema, Size: tx.Size(), WriterTo: tx})
	})
}

// FinishCopy checks the copy of a store, page by page, and marks it as one: Open
// refuses it from then on, so that nobody serves from a backup that was merely
// copied into place. It returns the copy's schema version.
func FinishCopy(path string, takenAt time.Time) (schema uint64, err error) {
	file, err := openFile(path, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	err = file.View(func(tx *bolt.Tx) (err error) {
		if schema, err = schemaOf(tx); err != nil {
			return err
		}
		if schema == 0 {
			return errors.New("it isn't a store")
		}
		return consistent(tx)
	})
	if err != nil {
		return 0, fmt.Errorf("check the copy of a store: %w", err)
	}
	file.AllocSize = os.Getpagesize() // it grows by what the mark needs, and no more
	err = file.Update(func(tx *bolt.Tx) error {
		return putMeta(tx, copyKey, []byte(takenAt.UTC().Format(time.RFC3339)))
	})
	if err != nil {
		return 0, fmt.Errorf("mark the copy of a store: %w", err)
	}
	return schema, nil
}

// consistent is bbolt's own check of every page.
func consistent(tx *bolt.Tx) error {
	var faults []error
	for fault := range tx.Check() {
		faults = append(faults, fault)
	}
	return errors.Join(faults...)
}
