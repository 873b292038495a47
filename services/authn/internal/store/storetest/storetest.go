// Package storetest is the suite that every storage of authn must pass: the contract of package store, as tests.
//
// Run checks roles, transactions and races on an open store; RunDurable checks what is left when the store is opened again. Samples has
// one record of each kind with every field filled, for tests of a storage's own layout. Called by the tests of boltstore, and of every
// other storage.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/services/authn/internal/store"
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
		{"Users", userTests()},
		{"Specimens", specimenTests()},
		{"Devices", deviceTests()},
		{"Sessions", sessionTests()},
		{"Attempts", attemptTests()},
		{"Budgets", budgetTests()},
		{"Lockouts", lockoutTests()},
		{"Applications", applicationTests()},
		{"SigningKeys", signingKeyTests()},
		{"Alerts", alertTests()},
		{"Restrictions", restrictionTests()},
		{"Invitations", invitationTests()},
		{"Transactions", transactionTests()},
		{"Races", raceTests()},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, c := range group.tests {
				t.Run(c.name, func(t *testing.T) { c.run(t, open(t)) })
			}
		})
	}
}

// test is one sentence of the contract.
type test struct {
	name string
	run  func(*testing.T, store.Store)
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

// puts writes the records, in this order.
func puts[T any](t *testing.T, s store.Store, put func(store.Tx, T) error, records ...T) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, r := range records {
			if err := put(tx, r); err != nil {
				return err
			}
		}
		return nil
	})
}

// lookup is a Get or a look-up through an index.
type lookup[T any] func(store.Tx) (T, bool, error)

// wantFound checks that a look-up answers with this record.
func wantFound[T any](t *testing.T, s store.Store, what string, get lookup[T], want T) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, found, err := get(tx)
		if diff := cmp.Diff(want, got); err == nil && (!found || diff != "") {
			t.Errorf("%s: found = %t (-want +got):\n%s", what, found, diff)
		}
		return err
	})
}

// wantAbsent checks that a look-up answers with nothing, and without an error.
func wantAbsent[T any](t *testing.T, s store.Store, what string, get lookup[T]) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, found, err := get(tx)
		var none T
		if diff := cmp.Diff(none, got); err == nil && (found || diff != "") {
			t.Errorf("%s: found = %t; want nothing, got:\n%s", what, found, diff)
		}
		return err
	})
}

// wantList checks a list and its order.
func wantList[T any](t *testing.T, s store.Store, what string, list func(store.Tx) ([]T, error), want ...T) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, err := list(tx)
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err == nil && diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
		return err
	})
}

// wantDeleted checks how many records a clean-up takes.
func wantDeleted(t *testing.T, s store.Store, clean func(store.Tx) (int, error), want int) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		got, err := clean(tx)
		if err == nil && got != want {
			t.Errorf("deleted %d, want %d", got, want)
		}
		return err
	})
}

// race runs fn in n goroutines at once and fails the test with what they return.
func race(t *testing.T, n int, fn func(i int) error) {
	t.Helper()
	errs := make([]error, n)
	start := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	all.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// scribble overwrites everything that a value shares with its copies: what its slices and pointers lead to.
func scribble(v reflect.Value) {
	switch v.Kind() {
	case reflect.Slice:
		for i := range v.Len() {
			scribble(v.Index(i))
			v.Index(i).SetZero()
		}
	case reflect.Pointer:
		if !v.IsNil() {
			scribble(v.Elem())
			v.Elem().SetZero()
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				scribble(v.Field(i))
			}
		}
	default: // nothing else that a record holds is shared
	}
}

// ident is an id that sorts by n, as real ones sort by time.
func ident(prefix string, n int) string { return fmt.Sprintf("%s_%026d", prefix, n) }

// at is the n-th minute of the tests' day.
func at(n int) time.Time {
	return time.Date(2026, 3, 1, 12, 0, 0, 7, time.UTC).Add(time.Duration(n) * time.Minute)
}
