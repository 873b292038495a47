package boltstore_test

import (
	"net/netip"
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
	"github.com/doorward/doorward/services/authn/internal/store/storetest"
)

// openAt opens a store that is closed, and whose file is checked, when the test ends.
func openAt(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
		boltdbtest.Check(t, path)
	})
	return s
}

func open(t *testing.T) store.Store {
	t.Helper()
	return openAt(t, filepath.Join(t.TempDir(), "authn.db"))
}

func TestStoreKeepsTheContract(t *testing.T) { storetest.Run(t, open) }

func TestAcknowledgedSurvivesClose(t *testing.T) {
	storetest.RunDurable(t, func(t *testing.T) (store.Store, storetest.Open) {
		path := filepath.Join(t.TempDir(), "authn.db")
		s := openAt(t, path)
		return s, func(t *testing.T) store.Store {
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, path)
		}
	})
}

// The file as it lies there while the process still runs is what a killed process would have left.
func TestAcknowledgedSurvivesTheProcess(t *testing.T) {
	storetest.RunDurable(t, func(t *testing.T) (store.Store, storetest.Open) {
		path := filepath.Join(t.TempDir(), "authn.db")
		s := openAt(t, path)
		return s, func(t *testing.T) store.Store {
			left, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			copied := filepath.Join(t.TempDir(), "copied.db")
			if err := os.WriteFile(copied, left, 0o600); err != nil {
				t.Fatal(err)
			}
			return openAt(t, copied)
		}
	})
}

func TestRelaySeesWhatATransactionAppended(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "authn.db"))
	want := outboxtest.NewRow(1, "usr_1")
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Outbox.Append(want) }); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Queue().Changed():
	default:
		t.Error("the relay wasn't told")
	}
	rows, err := s.Queue().Pending(t.Context(), 10)
	if err != nil || len(rows) != 1 {
		t.Fatalf("pending: %d rows, %v", len(rows), err)
	}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Errorf("the row (-want +got):\n%s", diff)
	}
}

func TestAuditReadsWhatATransactionAppended(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "authn.db"))
	want := audittest.Record(1)
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Audit.Append(want) }); err != nil {
		t.Fatal(err)
	}
	got, err := s.Audit(t.Context(), audit.Page{})
	if err != nil {
		t.Fatal(err)
	}
	want.Sequence = 1
	if diff := cmp.Diff([]audit.Record{want}, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
		t.Errorf("the log (-want +got):\n%s", diff)
	}
}

func TestHealthyWhileCommitsReachTheDisk(t *testing.T) {
	s := openAt(t, filepath.Join(t.TempDir(), "authn.db"))
	if err := s.Health(); err != nil {
		t.Error(err)
	}
}
