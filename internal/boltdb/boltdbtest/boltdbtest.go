// Package boltdbtest opens real store files for tests and checks them
// afterwards: a test that leaves a damaged file fails, whatever it tested.
package boltdbtest

import (
	"errors"
	"path/filepath"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
)

// lockTimeout makes a file that is still open a failure, not a hang.
const lockTimeout = 5 * time.Second

// Open opens a store in a folder of the test's own. It is closed and checked
// when the test ends; the test may close it earlier.
func Open(t testing.TB, o boltdb.Options) *boltdb.DB {
	t.Helper()
	return OpenAt(t, filepath.Join(t.TempDir(), "test.db"), o)
}

// OpenAt is Open for a path that the test chose, so that it can open the same
// file again.
func OpenAt(t testing.TB, path string, o boltdb.Options) *boltdb.DB {
	t.Helper()
	if o.SchemaVersion == 0 {
		o.SchemaVersion = 1
	}
	db, err := boltdb.Open(path, o)
	if err != nil {
		t.Fatalf("open the store: %v", err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
		Check(t, path)
	})
	return db
}

// Check runs bbolt's consistency check on a file that nobody has open.
func Check(t testing.TB, path string) {
	t.Helper()
	file, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: lockTimeout})
	if err != nil {
		t.Errorf("open the store for its check: %v", err)
		return
	}
	err = file.View(func(tx *bolt.Tx) error {
		var faults []error
		for fault := range tx.Check() {
			faults = append(faults, fault)
		}
		return errors.Join(faults...)
	})
	if err := errors.Join(err, file.Close()); err != nil {
		t.Errorf("the store is damaged: %v", err)
	}
}
