package boltdb_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

func frozen() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

// keep takes a copy of an open store into a folder of its own.
func keep(t *testing.T, db *boltdb.DB) backup.Copy {
	t.Helper()
	dir := t.TempDir()
	err := db.Snapshot(t.Context(), func(s backup.Snapshot) error {
		m := backup.Manifest{Service: "authn", SchemaVersion: s.SchemaVersion, TakenAt: frozen()}
		return backup.Keep(dir, m, backup.KeepOptions{Finish: boltdb.FinishCopy}, func(f *os.File) error {
			n, err := s.WriteTo(f)
			if n != s.Size {
				t.Errorf("%d bytes were written, %d announced", n, s.Size)
			}
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err := backup.Find(dir, "authn")
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// restore puts a copy in a store's place as a service does that has nothing to change in it.
func restore(t *testing.T, path string, c backup.Copy) string {
	t.Helper()
	r, err := boltdb.Replace(path, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Commit(frozen()); err != nil {
		t.Fatal(err)
	}
	return path
}

// While writers move money between two accounts, every copy adds up.
func TestACopyUnderLoadIsOneMoment(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	transfer := func(tx *bolt.Tx, n int) error {
		b := tx.Bucket([]byte("marks"))
		return errors.Join(b.Put([]byte("left"), fmt.Append(nil, n)), b.Put([]byte("right"), fmt.Append(nil, -n)),
			b.Put(fmt.Appendf(nil, "%08d", n%100), make([]byte, 2000))) // so that there is more than a page to copy
	}
	update(t, db, func(tx *bolt.Tx) error { return transfer(tx, 0) })
	ctx, cancel := context.WithCancel(t.Context())
	var writers sync.WaitGroup
	var count int
	writers.Go(func() {
		for ctx.Err() == nil {
			if err := db.Update(context.WithoutCancel(ctx), func(tx *bolt.Tx) error { return transfer(tx, count) }); err != nil {
				t.Error(err)
				return
			}
			count++
		}
	})
	seen := map[string]bool{}
	for range 8 {
		copied := keep(t, db)
		restored := boltdbtest.OpenAt(t, restore(t, filepath.Join(t.TempDir(), "authn.db"), copied), marks)
		err := restored.View(t.Context(), func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte("marks"))
			left, right := string(b.Get([]byte("left"))), string(b.Get([]byte("right")))
			if strings.TrimPrefix(right, "-") != left {
				t.Errorf("left is %s and right %s", left, right)
			}
			seen[left] = true
			return nil
		})
		if err != nil {
			t.Error(err)
		}
	}
	cancel()
	writers.Wait()
	if len(seen) < 2 || count < 8 {
		t.Errorf("%d changes and %d different copies: nothing was written meanwhile", count, len(seen))
	}
}

// A reader that takes its time must not stop the writers: bbolt would make them wait when the file outgrows what is mapped.
func TestWritersGoOnWhileACopyIsHeldUp(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	note(t, db, "before")
	written := make(chan error, 1)
	err := db.Snapshot(t.Context(), func(s backup.Snapshot) error {
		go func() { written <- db.Update(t.Context(), grow) }()
		patience := time.NewTimer(20 * time.Second)
		defer patience.Stop()
		select {
		case err := <-written:
			if err != nil {
				t.Error(err)
			}
		case <-patience.C:
			t.Fatal("the writer waits for the copy")
		}
		var copied bytes.Buffer
		_, err := s.WriteTo(&copied)
		if int64(copied.Len()) != s.Size {
			t.Errorf("the copy has %d bytes, want %d", copied.Len(), s.Size)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

// grow makes the file larger than what bbolt maps of a small one.
func grow(tx *bolt.Tx) error {
	return tx.Bucket([]byte("marks")).Put([]byte("big"), make([]byte, 4<<20))
}

func TestACopyIsRefusedUntilItIsRestored(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	note(t, db, "a")
	copied := keep(t, db)
	_, err := boltdb.Open(copied.Path, marks)
	if !errors.Is(err, boltdb.ErrCopy) || !strings.Contains(err.Error(), "taken at 2026-03-01T12:00:00Z") || !strings.Contains(err.Error(), "doorward restore") {
		t.Errorf("Open = %v, want ErrCopy that says what to do", err)
	}
	wantMode(t, copied.Path, 0o600)
	path := restore(t, filepath.Join(t.TempDir(), "data", "authn.db"), copied)
	if got := marked(t, boltdbtest.OpenAt(t, path, marks)); len(got) != 1 {
		t.Errorf("the restored store holds %q", got)
	}
	if left := beside(t, path); len(left) > 0 {
		t.Errorf("the restore left %q", left)
	}
}

func TestWhatIsNoStoreIsNoCopy(t *testing.T) {
	empty := filepath.Join(t.TempDir(), "a.db")
	file, err := bolt.Open(empty, 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := boltdb.FinishCopy(empty, frozen()); err == nil || !strings.Contains(err.Error(), "it isn't a store") {
		t.Errorf("FinishCopy = %v", err)
	}
}

func TestADamagedPageIsFound(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	update(t, db, func(tx *bolt.Tx) (err error) {
		for n := range 200 {
			err = errors.Join(err, mark(tx, fmt.Sprint(n, strings.Repeat("x", 500))))
		}
		return err
	})
	path := filepath.Join(t.TempDir(), "copied.db")
	err := db.Snapshot(t.Context(), func(s backup.Snapshot) error {
		f, err := os.Create(path)
		if err != nil {
			return err
		}
		_, err = s.WriteTo(f)
		// Two keys of one page in the wrong order: bbolt reads it without complaint.
		return errors.Join(err, swapKeys(f), f.Close())
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := boltdb.FinishCopy(path, frozen()); err == nil || !strings.Contains(err.Error(), "check the copy of a store") {
		t.Errorf("FinishCopy = %v, want that the check failed", err)
	}
}

// swapKeys makes the key 10 greater than its neighbours, wherever it lies.
func swapKeys(f *os.File) error {
	content, err := os.ReadFile(f.Name())
	if err != nil {
		return err
	}
	damaged := bytes.ReplaceAll(content, []byte("100xxx"), []byte("900xxx"))
	if bytes.Equal(damaged, content) {
		return errors.New("the key isn't in the file")
	}
	_, err = f.WriteAt(damaged, 0)
	return err
}
