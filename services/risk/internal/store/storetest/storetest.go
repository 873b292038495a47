// Package storetest is the suite that every storage of risk must pass: the contract of package store, as tests.
//
// Run checks roles and transactions on an open store; RunDurable checks what is left when the store is opened again. Called by the tests of
// boltstore, and of every other storage.
package storetest

import (
	"context"
	"errors"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store"
)

// Open returns an empty store, which is closed when the test ends.
type Open func(t *testing.T) store.Store

// deadline bounds each transaction, so that a store that hangs is a failure with a name.
const deadline = 20 * time.Second

// Run checks that a storage keeps the contract.
func Run(t *testing.T, open Open) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Histories", historyTests()},
		{"Cursors", cursorTests()},
		{"Decisions", decisionTests()},
		{"Transactions", transactionTests()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.tests {
				t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
			}
		})
	}
}

// RunDurable checks that what was acknowledged is there when the store is opened again. reopen closes the store it is given.
func RunDurable(t *testing.T, open Open, reopen func(*testing.T, store.Store) store.Store) {
	t.Run("ViewAndCursorComeBackTogether", func(t *testing.T) {
		s := open(t)
		update(t, s, func(tx store.Tx) error {
			return Samples().Put(tx)
		})
		s = reopen(t, s)
		view(t, s, func(tx store.Tx) error {
			wantHistory(t, tx, "usr_1", sampleHistory())
			wantCursor(t, tx, "S", sampleCursor())
			_, found, err := tx.Decisions.Get(Samples().Decision.ID)
			if !found {
				t.Error("the decision is gone")
			}
			return err
		})
	})
}

// test is one sentence of the contract.
type test struct {
	name string
	run  func(*testing.T, store.Store)
}

func historyTests() []test {
	return []test{
		{"WhatIsntThereIsZero", func(t *testing.T, s store.Store) {
			view(t, s, func(tx store.Tx) error { wantHistory(t, tx, "usr_1", history.History{}); return nil })
		}},
		{"PutReplaces", func(t *testing.T, s store.Store) {
			update(t, s, func(tx store.Tx) error { return tx.Histories.Put("usr_1", history.History{SignIns: 9}) })
			update(t, s, func(tx store.Tx) error { return tx.Histories.Put("usr_1", sampleHistory()) })
			view(t, s, func(tx store.Tx) error {
				wantHistory(t, tx, "usr_1", sampleHistory())
				wantHistory(t, tx, "usr_", history.History{})
				return nil
			})
		}},
		{"ClearForgetsEveryUser", func(t *testing.T, s store.Store) {
			update(t, s, func(tx store.Tx) error {
				return errors.Join(tx.Histories.Put("usr_1", sampleHistory()), tx.Histories.Put("usr_2", sampleHistory()))
			})
			update(t, s, func(tx store.Tx) error {
				return errors.Join(tx.Histories.Clear(), tx.Histories.Put("usr_3", sampleHistory()))
			})
			view(t, s, func(tx store.Tx) error {
				wantHistory(t, tx, "usr_1", history.History{})
				wantHistory(t, tx, "usr_2", history.History{})
				wantHistory(t, tx, "usr_3", sampleHistory())
				return nil
			})
		}},
	}
}

func cursorTests() []test {
	return []test{
		{"WhatIsntThereIsZero", func(t *testing.T, s store.Store) {
			view(t, s, func(tx store.Tx) error { wantCursor(t, tx, "S", history.Cursor{}); return nil })
		}},
		{"EachStreamHasItsOwn", func(t *testing.T, s store.Store) {
			other := sampleCursor()
			other.Sequence = 3
			update(t, s, func(tx store.Tx) error {
				return errors.Join(tx.Cursors.Put("S", sampleCursor()), tx.Cursors.Put("T", other))
			})
			view(t, s, func(tx store.Tx) error {
				wantCursor(t, tx, "S", sampleCursor())
				wantCursor(t, tx, "T", other)
				return nil
			})
			update(t, s, func(tx store.Tx) error { return tx.Cursors.Put("S", history.Cursor{}) })
			view(t, s, func(tx store.Tx) error { wantCursor(t, tx, "S", history.Cursor{}); return nil })
		}},
	}
}

func transactionTests() []test {
	return []test{
		{"FailedClosureLeavesNothing", failedClosureLeavesNothing},
		{"EndedContextDoesNothing", func(t *testing.T, s store.Store) {
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			ran := false
			if err := s.Update(ctx, func(store.Tx) error { ran = true; return nil }); !errors.Is(err, context.Canceled) || ran {
				t.Errorf("Update = %v, ran = %t; want context.Canceled and no run", err, ran)
			}
		}},
		{"ViewCannotWrite", func(t *testing.T, s store.Store) {
			err := s.View(t.Context(), func(tx store.Tx) error { return tx.Histories.Put("usr_1", sampleHistory()) })
			if err == nil {
				t.Error("a View wrote")
			}
		}},
	}
}

func failedClosureLeavesNothing(t *testing.T, s store.Store) {
	failed := errors.New("failed")
	err := tryUpdate(t.Context(), s, func(tx store.Tx) error {
		return errors.Join(
			tx.Histories.Put("usr_1", sampleHistory()), tx.Cursors.Put("S", sampleCursor()),
			tx.Decisions.Add(sampleRecord(1, "usr_1")), tx.Audit.Append(audittest.Record(1)),
			tx.Policies.Append(policy.Record{Version: 1, Value: []byte("{}"), ChangedBy: "usr_1"}), failed)
	})
	if !errors.Is(err, failed) {
		t.Fatalf("Update = %v, want the closure's error", err)
	}
	view(t, s, func(tx store.Tx) error {
		wantHistory(t, tx, "usr_1", history.History{})
		wantCursor(t, tx, "S", history.Cursor{})
		wantPage(t, tx, store.Page{Limit: 10})
		_, found, err := tx.Policies.Current()
		if found {
			t.Error("a policy was left")
		}
		return err
	})
	// The number isn't spent: the same records go in now.
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.Decisions.Add(sampleRecord(1, "usr_1")), tx.Audit.Append(audittest.Record(1)))
	})
}

// update runs a transaction that must succeed.
func update(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := tryUpdate(t.Context(), s, fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func tryUpdate(ctx context.Context, s store.Store, fn func(store.Tx) error) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	return s.Update(ctx, fn)
}

// view runs a read transaction that must succeed.
func view(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), deadline)
	defer cancel()
	if err := s.View(ctx, fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

func wantHistory(t *testing.T, tx store.Tx, userID string, want history.History) {
	t.Helper()
	got, err := tx.Histories.Get(userID)
	if err != nil {
		t.Fatalf("history of %s: %v", userID, err)
	}
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("history of %s (-want +got):\n%s", userID, diff)
	}
}

func wantCursor(t *testing.T, tx store.Tx, stream string, want history.Cursor) {
	t.Helper()
	got, err := tx.Cursors.Get(stream)
	if err != nil {
		t.Fatalf("cursor of %s: %v", stream, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("cursor of %s (-want +got):\n%s", stream, diff)
	}
}

// netAddr lets cmp compare addresses.
var netAddr = cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
