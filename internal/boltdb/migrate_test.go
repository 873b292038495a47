package boltdb_test

import (
	"bytes"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

// written makes a store of schema 1 that holds marks, and closes it.
func written(t *testing.T, names ...string) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "authn.db")
	db := boltdbtest.OpenAt(t, path, marks)
	for _, name := range names {
		note(t, db, name)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

func note(t *testing.T, db *boltdb.DB, name string) {
	t.Helper()
	update(t, db, func(tx *bolt.Tx) error { return mark(tx, name) })
}

// renames is the migration that a release with schema 2 brings: every mark gets another name.
func renames(tx *bolt.Tx) error {
	b := tx.Bucket([]byte("marks"))
	var names []string
	err := b.ForEach(func(name, _ []byte) error {
		names = append(names, string(name))
		return nil
	})
	for _, name := range names {
		err = errors.Join(err, b.Delete([]byte(name)), b.Put([]byte("new "+name), []byte{1}))
	}
	return err
}

func release(schema uint64, migrations map[uint64]boltdb.Migration) boltdb.Options {
	return boltdb.Options{Buckets: marks.Buckets, SchemaVersion: schema, Migrations: migrations}
}

func TestNewerSchemaIsRefused(t *testing.T) {
	path := written(t)
	newer := boltdbtest.OpenAt(t, path, release(2, map[uint64]boltdb.Migration{1: renames}))
	if err := newer.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := boltdb.Open(path, marks)
	if !errors.Is(err, boltdb.ErrNewerSchema) || !strings.Contains(err.Error(), "run the newer release again, or restore a backup") {
		t.Errorf("Open = %v, want ErrNewerSchema that says what to do", err)
	}
}

func TestOlderSchemaIsMigratedAfterACopy(t *testing.T) {
	path := written(t, "a", "b")
	var log bytes.Buffer
	o := release(3, map[uint64]boltdb.Migration{1: renames, 2: renames})
	o.Logger = slog.New(slog.NewTextHandler(&log, nil))
	if got := marked(t, boltdbtest.OpenAt(t, path, o)); len(got) != 2 || got[0] != "new new a" {
		t.Errorf("after two migrations the marks are %q", got)
	}
	dirs := beside(t, path)
	if len(dirs) != 1 || !strings.HasPrefix(dirs[0], "authn-schema-1-") {
		t.Fatalf("beside the store lies %q, want one copy", dirs)
	}
	if !strings.Contains(log.String(), dirs[0]) {
		t.Errorf("the log doesn't name the copy: %s", log.String())
	}
	wantMode(t, filepath.Join(filepath.Dir(path), dirs[0]), 0o700)
	older := filepath.Join(filepath.Dir(path), dirs[0])
	wantMode(t, backup.CopyFile(older, "authn"), 0o600)
	found, err := backup.Find(older, "authn")
	if err != nil || found.SchemaVersion != 1 {
		t.Fatalf("Find = schema %d, %v", found.SchemaVersion, err)
	}
	// The release before goes back to it the way of every backup.
	restored := restore(t, filepath.Join(t.TempDir(), "authn.db"), found)
	if got := marked(t, boltdbtest.OpenAt(t, restored, marks)); len(got) != 2 || got[0] != "a" {
		t.Errorf("the copy holds %q", got)
	}
}

// beside lists what lies in a store's folder beside the store.
func beside(t *testing.T, path string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if e.Name() != filepath.Base(path) {
			names = append(names, e.Name())
		}
	}
	return names
}

func TestAMigrationThatFailsLeavesTheStoreAsItWas(t *testing.T) {
	path := written(t, "a")
	failed := errors.New("it can't be done")
	halfWay := func(tx *bolt.Tx) error { return errors.Join(renames(tx), failed) }
	for range 2 {
		_, err := boltdb.Open(path, release(3, map[uint64]boltdb.Migration{1: renames, 2: halfWay}))
		if !errors.Is(err, failed) || !strings.Contains(err.Error(), "from schema 2 to 3") {
			t.Fatalf("Open = %v, want the migration's error and its step", err)
		}
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("tries that failed left %q", left)
	}
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 || got[0] != "a" {
		t.Errorf("the release before finds %q", got)
	}
}

func TestAMigrationThatIsMissingIsNamed(t *testing.T) {
	path := written(t, "a")
	_, err := boltdb.Open(path, release(3, map[uint64]boltdb.Migration{2: renames}))
	if err == nil || !strings.Contains(err.Error(), "no way from 1 to 2: run a release between the two first") {
		t.Errorf("Open = %v, want the missing step and what to do", err)
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("a refusal left %q", left)
	}
	boltdbtest.OpenAt(t, path, marks)
}

func TestAStoreThatCantBeCopiedIsntMigrated(t *testing.T) {
	path := written(t, "a")
	dir := filepath.Dir(path)
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	o := release(2, map[uint64]boltdb.Migration{1: renames})
	// The copy's folder is there already, as on a clock that stands still.
	o.Now = frozen
	if err := os.Mkdir(filepath.Join(dir, "authn-schema-1-20260301T120000.000Z"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := boltdb.Open(path, o); err == nil || !strings.Contains(err.Error(), "copy the store before it is migrated") {
		t.Errorf("Open = %v, want that the copy failed", err)
	}
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 || got[0] != "a" {
		t.Errorf("the release before finds %q", got)
	}
}
