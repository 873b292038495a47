package boltstore_test

import (
	"errors"
	"testing"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/risk/internal/store"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
	"github.com/doorward/doorward/services/risk/internal/store/storetest"
)

// A deployment's store was written by a release before this one.
func TestStoresOfEarlierReleasesAreRead(t *testing.T) {
	first := policy.Record{Version: 1, Value: []byte(`{}`), ChangedAt: audittest.Record(1).At, ChangedBy: "usr_1"}
	write := func(t *testing.T, path string) {
		s := openAt(t, path)
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return errors.Join(storetest.Samples().Put(tx), tx.Audit.Append(audittest.Record(1)), tx.Policies.Append(first))
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	boltdbtest.Releases(t, boltstore.SchemaVersion, write, func(t *testing.T, path string) {
		s, want := openAt(t, path), storetest.Samples()
		err := s.View(t.Context(), func(tx store.Tx) error {
			got, err := want.Read(tx)
			boltdbtest.StillHas(t, "history", want.History, got.History)
			boltdbtest.StillHas(t, "cursor", want.Cursor, got.Cursor)
			boltdbtest.StillHas(t, "decision", want.Decision, got.Decision)
			current, _, errPolicy := tx.Policies.Current()
			boltdbtest.StillHas(t, "policy", first, current)
			return errors.Join(err, errPolicy)
		})
		records, errAudit := s.Audit(t.Context(), audit.Page{})
		if len(records) != 1 || records[0].ID != audittest.Record(1).ID {
			t.Errorf("the audit log holds %d records", len(records))
		}
		if err := errors.Join(err, errAudit); err != nil {
			t.Error(err)
		}
	})
}
