// Package policytest is the contract of policy.Records as tests: every store
// that plays the role runs it.
package policytest

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/policy"
)

// Store runs transactions on one store.
type Store interface {
	Update(ctx context.Context, fn func(policy.Records) error) error
	View(ctx context.Context, fn func(policy.Records) error) error
}

// Run checks a store. open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Run("EmptyStoreHasNoPolicy", func(t *testing.T) {
		wantCurrent(t, open(t), policy.Record{}, false)
	})
	t.Run("LastRecordIsCurrent", func(t *testing.T) {
		store := open(t)
		// More than nine: versions sort as numbers, not as text.
		for version := range uint64(12) {
			mustAppend(t, store, record(version+1))
		}
		wantCurrent(t, store, record(12), true)
	})
	t.Run("OnlyTheNextVersionIsTaken", func(t *testing.T) {
		store := open(t)
		wantConflict(t, store, 0)
		wantConflict(t, store, 2)
		mustAppend(t, store, record(1))
		wantConflict(t, store, 0)
		wantConflict(t, store, 1)
		wantConflict(t, store, 3)
		wantCurrent(t, store, record(1), true)
	})
	t.Run("FailedTransactionLeavesNoRecord", func(t *testing.T) {
		store := open(t)
		failed := errors.New("failed")
		err := store.Update(t.Context(), func(r policy.Records) error {
			return errors.Join(r.Append(record(1)), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatalf("Update = %v, want the closure's error", err)
		}
		wantCurrent(t, store, policy.Record{}, false)
	})
}

func record(version uint64) policy.Record {
	return policy.Record{
		Version:   version,
		Value:     json.RawMessage(`{"limit":10}`),
		ChangedAt: time.Unix(int64(version), 5).UTC(),
		ChangedBy: "usr_1",
		Reason:    "a test",
	}
}

func mustAppend(t *testing.T, store Store, r policy.Record) {
	t.Helper()
	if err := store.Update(t.Context(), func(records policy.Records) error { return records.Append(r) }); err != nil {
		t.Fatalf("append version %d: %v", r.Version, err)
	}
}

func wantConflict(t *testing.T, store Store, version uint64) {
	t.Helper()
	err := store.Update(t.Context(), func(records policy.Records) error { return records.Append(record(version)) })
	if !errors.Is(err, policy.ErrConflict) {
		t.Errorf("append version %d = %v, want ErrConflict", version, err)
	}
}

func wantCurrent(t *testing.T, store Store, want policy.Record, wantFound bool) {
	t.Helper()
	err := store.View(t.Context(), func(records policy.Records) error {
		got, found, err := records.Current()
		if diff := cmp.Diff(want, got); diff != "" || found != wantFound {
			t.Errorf("current record: found = %t, want %t (-want +got):\n%s", found, wantFound, diff)
		}
		return err
	})
	if err != nil {
		t.Fatalf("read the current record: %v", err)
	}
}
