package boltdb_test

import (
	"bytes"
	"encoding/binary"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

func TestSecondProcessIsToldWhoHoldsTheFile(t *testing.T) {
	db := boltdbtest.Open(t, boltdb.Options{})
	_, err := boltdb.Open(db.Path(), boltdb.Options{SchemaVersion: 1, LockTimeout: time.Millisecond})
	if !errors.Is(err, boltdb.ErrLocked) || !strings.Contains(err.Error(), "another doorward process holds "+db.Path()) {
		t.Errorf("Open = %v, want ErrLocked that names the file", err)
	}
}

func TestWhoHoldsAStoreIsSeenWithoutOpeningIt(t *testing.T) {
	db := boltdbtest.Open(t, boltdb.Options{})
	if err := boltdb.CheckFree(db.Path()); !errors.Is(err, boltdb.ErrLocked) || !strings.Contains(err.Error(), db.Path()) {
		t.Errorf("while it is open: %v, want ErrLocked that names the file", err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := boltdb.CheckFree(db.Path()); err != nil {
		t.Errorf("when it is closed: %v", err)
	}
	none := filepath.Join(t.TempDir(), "none.db")
	if err := boltdb.CheckFree(none); err != nil {
		t.Errorf("where there is none: %v", err)
	}
	if _, err := os.Stat(none); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("looking for it made it: %v", err)
	}
}

// TestADamagedStoreIsAnErrorThatSaysWhatToDo overwrites the header of a page that bbolt panics about: that of its free list.
func TestADamagedStoreIsAnErrorThatSaysWhatToDo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db, err := boltdb.Open(path, boltdb.Options{SchemaVersion: 1})
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	damageFreelist(t, path)
	_, err = boltdb.Open(path, boltdb.Options{SchemaVersion: 1})
	if err == nil || !strings.Contains(err.Error(), path) || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("Open = %v, want what is damaged and what to do", err)
	}
}

// damageFreelist makes a leaf of the page that either meta page names as the free list's.
func damageFreelist(t *testing.T, path string) {
	t.Helper()
	const freelistInMeta, flagsInPage, leaf = 48, 8, 2
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		t.Fatal(err)
	}
	for meta := range int64(2) {
		var id [8]byte
		_, err := file.ReadAt(id[:], meta*int64(os.Getpagesize())+freelistInMeta)
		if err == nil {
			_, err = file.WriteAt([]byte{leaf, 0}, int64(binary.LittleEndian.Uint64(id[:]))*int64(os.Getpagesize())+flagsInPage)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestStoreIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "data", "a.db")
	db := boltdbtest.OpenAt(t, path, boltdb.Options{})
	wantMode(t, path, 0o600)
	wantMode(t, filepath.Dir(path), 0o700)
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	boltdbtest.OpenAt(t, path, boltdb.Options{})
	wantMode(t, path, 0o600)
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("the mode of %s is %o, want %o", filepath.Base(path), got, want)
	}
}

func TestFileThatIsNoStoreIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	if err := os.WriteFile(path, bytes.Repeat([]byte("no store "), 4096), 0o600); err != nil {
		t.Fatal(err)
	}
	_, err := boltdb.Open(path, boltdb.Options{SchemaVersion: 1})
	if err == nil || !strings.Contains(err.Error(), "restore a backup") {
		t.Errorf("Open = %v, want an error that says what to do", err)
	}
}

func TestPanicIsLoggedWithoutItsValue(t *testing.T) {
	var log bytes.Buffer
	db := boltdbtest.Open(t, boltdb.Options{Logger: slog.New(slog.NewJSONHandler(&log, nil))})
	if err := db.Update(t.Context(), func(*bolt.Tx) error { panic("hunter2") }); !errors.Is(err, boltdb.ErrPanic) {
		t.Fatalf("Update = %v, want ErrPanic", err)
	}
	if !strings.Contains(log.String(), "store closure panicked") || !strings.Contains(log.String(), "open_test.go") {
		t.Errorf("the log doesn't say where it panicked: %s", log.String())
	}
	if strings.Contains(log.String(), "hunter2") {
		t.Errorf("the panic's value is in the log: %s", log.String())
	}
}

func TestMetricsSurviveReopening(t *testing.T) {
	registry := prometheus.NewRegistry()
	path := filepath.Join(t.TempDir(), "authn.db")
	for range 2 {
		db := boltdbtest.OpenAt(t, path, boltdb.Options{Registerer: registry})
		update(t, db, func(*bolt.Tx) error { return nil })
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		if len(families) != 7 {
			t.Errorf("%d metrics are registered, want 7", len(families))
		}
		for _, f := range families {
			if label := f.GetMetric()[0].GetLabel()[0]; label.GetValue() != "authn" {
				t.Errorf("%s is labelled %s, want the store's name", f.GetName(), label)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestFullDiskIsToldToCallersAndToHealth(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	big := func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("marks")).Put([]byte("big"), make([]byte, 1<<20))
	}
	empty := db.FillDisk()
	if err := db.Update(t.Context(), big); err == nil {
		t.Error("a change that isn't on disk was acknowledged")
	}
	if db.Health() == nil {
		t.Error("Health is nil after a commit failed")
	}
	if got := marked(t, db); len(got) > 0 {
		t.Errorf("the failed commit left %q", got)
	}
	empty()
	if err := db.Probe(t.Context()); err != nil {
		t.Errorf("Probe = %v with room again", err)
	}
	if err := db.Update(t.Context(), big); err != nil {
		t.Errorf("Update with room again: %v", err)
	}
	if err := db.Health(); err != nil {
		t.Errorf("Health = %v after a commit succeeded", err)
	}
}

func TestMetricsShowTheFile(t *testing.T) {
	registry := prometheus.NewRegistry()
	path := filepath.Join(t.TempDir(), "authn.db")
	db := boltdbtest.OpenAt(t, path, boltdb.Options{Registerer: registry, Buckets: []string{"b"}})
	fill := func(change func(*bolt.Bucket, []byte) error) {
		update(t, db, func(tx *bolt.Tx) error {
			for n := range 100 {
				if err := change(tx.Bucket([]byte("b")), []byte{byte(n)}); err != nil {
					return err
				}
			}
			return nil
		})
	}
	fill(func(b *bolt.Bucket, key []byte) error { return b.Put(key, make([]byte, 8<<10)) })
	const data = 100 * 8 << 10
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if size := gauge(t, registry, "doorward_store_size_bytes"); size != float64(info.Size()) {
		t.Errorf("the store's size is %v, the file's %d", size, info.Size())
	}
	if used := gauge(t, registry, "doorward_store_used_bytes"); used < data || used > 3*data {
		t.Errorf("%v bytes are used by %d of data", used, data)
	}
	fill(func(b *bolt.Bucket, key []byte) error { return b.Delete(key) })
	if used := gauge(t, registry, "doorward_store_used_bytes"); used > data/2 {
		t.Errorf("%v bytes are used after the %d of data were deleted", used, data)
	}
}

func gauge(t *testing.T, registry *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			return f.GetMetric()[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
