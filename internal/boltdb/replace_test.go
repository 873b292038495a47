package boltdb_test

import (
	"bytes"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

// copyOf is a copy of a store that holds one mark.
func copyOf(t *testing.T, name string) backup.Copy {
	t.Helper()
	db := boltdbtest.Open(t, marks)
	note(t, db, name)
	return keep(t, db)
}

func TestAReplacedStoreIsKeptAside(t *testing.T) {
	path := written(t, "old")
	r, err := boltdb.Replace(path, copyOf(t, "backup"))
	if err != nil {
		t.Fatal(err)
	}
	aside, err := r.Commit(frozen())
	if err != nil {
		t.Fatal(err)
	}
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 || got[0] != "backup" {
		t.Errorf("the store holds %q", got)
	}
	if aside != path+".replaced-20260301T120000.000Z" {
		t.Errorf("the old store is called %s", aside)
	}
	if got := marked(t, boltdbtest.OpenAt(t, aside, marks)); len(got) != 1 || got[0] != "old" {
		t.Errorf("the old store holds %q", got)
	}
}

func TestOnlyCopiesArePutInPlace(t *testing.T) {
	path := written(t, "old")
	plain, err := os.ReadFile(written(t, "no copy"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := boltdb.Replace(path, bytes.NewReader(plain))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit(frozen()); err == nil {
		t.Error("a file that nobody marked was put in place")
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	stands(t, path)
}

// stands says that the old store is in its place, alone.
func stands(t *testing.T, path string) {
	t.Helper()
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 || got[0] != "old" {
		t.Errorf("the store holds %q", got)
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("beside it lies %q", left)
	}
}

func TestARunningServiceKeepsItsStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authn.db")
	boltdbtest.OpenAt(t, path, marks)
	if _, err := boltdb.Replace(path, copyOf(t, "backup")); !errors.Is(err, boltdb.ErrLocked) || !strings.Contains(err.Error(), "stop it first") {
		t.Errorf("Replace under a running service = %v, want ErrLocked that says what to do", err)
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("beside the store lies %q", left)
	}
}

func TestAServiceCantStartDuringARestore(t *testing.T) {
	path := written(t, "old")
	r, err := boltdb.Replace(path, copyOf(t, "backup"))
	if err != nil {
		t.Fatal(err)
	}
	o := marks
	o.LockTimeout = 1
	if _, err := boltdb.Open(path, o); !errors.Is(err, boltdb.ErrLocked) {
		t.Errorf("Open during a restore = %v, want ErrLocked", err)
	}
	if _, err := boltdb.Replace(path, copyOf(t, "another")); !errors.Is(err, boltdb.ErrLocked) || !strings.Contains(err.Error(), "another restore") {
		t.Errorf("a second restore = %v, want ErrLocked", err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	stands(t, path)
}

// Without an old store there is no lock to hold, so a service may have begun a new one.
func TestAServiceThatStartedDuringARestoreKeepsItsStore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authn.db")
	r, err := boltdb.Replace(path, copyOf(t, "backup"))
	if err != nil {
		t.Fatal(err)
	}
	db := boltdbtest.OpenAt(t, path, marks)
	note(t, db, "old")
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	// It is set aside, not lost.
	aside, err := r.Commit(frozen())
	if err != nil {
		t.Fatal(err)
	}
	if got := marked(t, boltdbtest.OpenAt(t, aside, marks)); len(got) != 1 || got[0] != "old" {
		t.Errorf("set aside: %q", got)
	}
}

func TestADamagedStoreCanBeReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "authn.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no store "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	restore(t, path, copyOf(t, "backup"))
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 || got[0] != "backup" {
		t.Errorf("the store holds %q", got)
	}
}

// writes is a copy that ends in an error, as one whose hash is wrong, or a disk that is full.
type writes struct {
	text string
	err  error
}

func (w writes) WriteTo(to io.Writer) (int64, error) {
	n, err := io.WriteString(to, w.text)
	return int64(n), errors.Join(err, w.err)
}

func TestACopyThatCantBeWrittenChangesNothing(t *testing.T) {
	path := written(t, "old")
	full := errors.New("no space left on device")
	if _, err := boltdb.Replace(path, writes{"half a cop", full}); !errors.Is(err, full) {
		t.Errorf("Replace = %v, want the writer's error", err)
	}
	stands(t, path)
}

// What a killed restore left is laid anew by the next one.
func TestWhatAKilledRestoreLeftIsReplaced(t *testing.T) {
	path := written(t, "old")
	if err := os.WriteFile(path+".restoring", []byte("half a copy"), 0o600); err != nil {
		t.Fatal(err)
	}
	restore(t, path, copyOf(t, "backup"))
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 || got[0] != "backup" {
		t.Errorf("the store holds %q", got)
	}
}

// The restore's own steps work on the copy, and only on the copy.
func TestTheReplacementIsMadeFitBeforeItIsServed(t *testing.T) {
	path := written(t, "old")
	r, err := boltdb.Replace(path, copyOf(t, "backup"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := boltdb.Open(r.Path(), marks); !errors.Is(err, boltdb.ErrCopy) {
		t.Errorf("a service opens the unfinished store: %v", err)
	}
	o := marks
	o.Copy = true
	db, err := boltdb.Open(r.Path(), o)
	if err != nil {
		t.Fatal(err)
	}
	update(t, db, func(tx *bolt.Tx) error { return tx.Bucket([]byte("marks")).Delete([]byte("backup")) })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit(frozen()); err != nil {
		t.Fatal(err)
	}
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) > 0 {
		t.Errorf("the store holds %q", got)
	}
}
