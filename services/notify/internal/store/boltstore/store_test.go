package boltstore_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/store/boltstore"
	"github.com/doorward/doorward/services/notify/internal/store/storetest"
)

func open(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
		boltdbtest.Check(t, path)
	})
	return s
}

func TestStoreKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t, filepath.Join(t.TempDir(), "notify.db")) })
}

func TestWhatWasWrittenSurvivesAReopening(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify.db")
	d := storetest.Delivery(1, alert.NewDevice)
	s := open(t, path)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Deliveries.Put(d) }); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	err := open(t, path).View(t.Context(), func(tx store.Tx) error {
		got, found, err := tx.Deliveries.Get(d.ID)
		if !found || got.Token != d.Token {
			t.Errorf("after a reopening: found %t", found)
		}
		return err
	})
	if err != nil {
		t.Error(err)
	}
}

func TestTheFileIsItsOwnersAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify.db")
	open(t, path)
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("mode %o", info.Mode().Perm())
	}
}
