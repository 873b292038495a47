// Package audittest is the contract of audit.Log and audit.Reader as tests:
// every store that plays the roles runs it.
package audittest

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/internal/audit"
)

// Store runs transactions on one store.
type Store interface {
	Update(ctx context.Context, fn func(audit.Log) error) error
	View(ctx context.Context, fn func(audit.Reader) error) error
}

// Record is a complete record; n gives it its id and its time.
func Record(n int) audit.Record {
	return audit.Record{
		ID:        fmt.Sprintf("aud_%04d", n),
		At:        time.Unix(int64(n), 7).UTC(),
		Actor:     audit.Actor{Kind: audit.Operator, ID: "usr_1", Name: "Ada"},
		Action:    "session.revoke",
		Target:    audit.Target{Kind: "session", ID: "ses_1"},
		Network:   netip.MustParseAddr("192.0.2.1"),
		Authority: "operator",
		Reason:    "a test",
		Outcome:   audit.Done,
		Detail:    map[string]string{"device": "dev_1"},
		RequestID: "req_1",
	}
}

// Run checks a store. open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) Store) {
	t.Run("RecordComesBackWhole", func(t *testing.T) {
		store := open(t)
		least := audit.Record{
			ID: "aud_0002", At: time.Unix(2, 0).UTC(), Action: "key.rotate", Outcome: audit.Failed,
			Actor: audit.Actor{Kind: audit.System, ID: "authn"},
		}
		mustAppend(t, store, Record(1), least)
		wantPage(t, store, audit.Page{}, numbered(Record(1), 1), numbered(least, 2))
	})
	t.Run("IncompleteRecordIsRefused", func(t *testing.T) {
		store := open(t)
		bad := Record(1)
		bad.Actor.ID = ""
		wantRefused(t, store, bad, audit.ErrInvalid)
		wantPage(t, store, audit.Page{})
	})
	t.Run("IDIsTakenOnce", func(t *testing.T) {
		store := open(t)
		mustAppend(t, store, Record(1))
		wantRefused(t, store, Record(1), audit.ErrDuplicate)
		wantPage(t, store, audit.Page{}, numbered(Record(1), 1))
	})
	t.Run("SequenceHasNoGaps", func(t *testing.T) {
		store := open(t)
		mustAppend(t, store, Record(1))
		failed := errors.New("failed")
		err := store.Update(t.Context(), func(l audit.Log) error {
			return errors.Join(l.Append(Record(2)), failed)
		})
		if !errors.Is(err, failed) {
			t.Fatalf("Update = %v, want the closure's error", err)
		}
		wantRefused(t, store, audit.Record{}, audit.ErrInvalid)
		mustAppend(t, store, Record(3))
		wantPage(t, store, audit.Page{}, numbered(Record(1), 1), numbered(Record(3), 2))
	})
	t.Run("PagesGoByID", pagesGoByID(open))
}

func pagesGoByID(open func(*testing.T) Store) func(*testing.T) {
	return func(t *testing.T) {
		store := open(t)
		// Committed in another order than their ids were made in.
		mustAppend(t, store, Record(2), Record(1), Record(3))
		all := []audit.Record{numbered(Record(1), 2), numbered(Record(2), 1), numbered(Record(3), 3)}
		wantPage(t, store, audit.Page{}, all...)
		wantPage(t, store, audit.Page{Limit: 2}, all[:2]...)
		wantPage(t, store, audit.Page{Limit: 2, After: all[1].ID}, all[2])
		wantPage(t, store, audit.Page{After: all[2].ID})
		slices.Reverse(all)
		wantPage(t, store, audit.Page{NewestFirst: true}, all...)
		wantPage(t, store, audit.Page{NewestFirst: true, Limit: 1, After: all[0].ID}, all[1])
		wantPage(t, store, audit.Page{NewestFirst: true, After: all[2].ID})
	}
}

func numbered(r audit.Record, sequence uint64) audit.Record {
	r.Sequence = sequence
	return r
}

// mustAppend appends each record in a transaction of its own.
func mustAppend(t *testing.T, store Store, records ...audit.Record) {
	t.Helper()
	for _, r := range records {
		if err := store.Update(t.Context(), func(l audit.Log) error { return l.Append(r) }); err != nil {
			t.Fatalf("append %s: %v", r.ID, err)
		}
	}
}

func wantRefused(t *testing.T, store Store, r audit.Record, want error) {
	t.Helper()
	if err := store.Update(t.Context(), func(l audit.Log) error { return l.Append(r) }); !errors.Is(err, want) {
		t.Errorf("append = %v, want %v", err, want)
	}
}

func wantPage(t *testing.T, store Store, page audit.Page, want ...audit.Record) {
	t.Helper()
	err := store.View(t.Context(), func(r audit.Reader) error {
		got, err := r.List(page)
		opts := cmp.Options{cmpopts.EquateEmpty(), cmpopts.EquateComparable(netip.Addr{})}
		if diff := cmp.Diff(want, got, opts); diff != "" {
			t.Errorf("page %+v (-want +got):\n%s", page, diff)
		}
		return err
	})
	if err != nil {
		t.Fatalf("list: %v", err)
	}
}
