package boltstore_test

import (
	"errors"
	"reflect"
	"testing"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
	"github.com/doorward/doorward/services/authn/internal/store/storetest"
)

// A deployment's store was written by a release before this one.
func TestStoresOfEarlierReleasesAreRead(t *testing.T) {
	first := policy.Record{Version: 1, Value: []byte(`{}`), ChangedAt: audittest.Record(1).At, ChangedBy: "usr_1"}
	write := func(t *testing.T, path string) {
		s := openAt(t, path)
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return errors.Join(storetest.Samples().Put(tx), tx.Outbox.Append(outboxtest.NewRow(1, "usr_1")),
				tx.Audit.Append(audittest.Record(1)), tx.Policies.Append(first))
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	boltdbtest.Releases(t, boltstore.SchemaVersion, write, func(t *testing.T, path string) {
		s := openAt(t, path)
		err := s.View(t.Context(), func(tx store.Tx) error {
			got, err := storetest.Samples().Read(tx)
			want := reflect.ValueOf(storetest.Samples())
			for i := range want.NumField() {
				boltdbtest.StillHas(t, want.Type().Field(i).Name, want.Field(i).Interface(), reflect.ValueOf(got).Field(i).Interface())
			}
			current, _, errPolicy := tx.Policies.Current()
			boltdbtest.StillHas(t, "policy", first, current)
			return errors.Join(err, errPolicy)
		})
		rows, errRows := s.Queue().Pending(t.Context(), 10)
		boltdbtest.StillHas(t, "outbox", outboxtest.NewRow(1, "usr_1"), onlyOne(t, rows))
		records, errAudit := s.Audit(t.Context(), audit.Page{})
		want := audittest.Record(1)
		want.Sequence = 1
		boltdbtest.StillHas(t, "audit", want, onlyOne(t, records))
		if err := errors.Join(err, errRows, errAudit); err != nil {
			t.Error(err)
		}
	})
}

func onlyOne[T any](t *testing.T, all []T) (one T) {
	t.Helper()
	if len(all) != 1 {
		t.Fatalf("%d records of type %T, want 1", len(all), one)
	}
	return all[0]
}
