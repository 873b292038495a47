package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var errOfClosure = errors.New("the closure's own error")

func transactionTests() []test {
	return []test{
		{"AnErrorUndoesEveryWrite", errorUndoes},
		{"TheClosuresErrorComesBackUnchanged", func(t *testing.T, s store.Store) {
			fail := func(store.Tx) error { return errOfClosure }
			if err := tryUpdate(t.Context(), s, fail); err != errOfClosure { //nolint:errorlint // unchanged means the same value
				t.Errorf("Update = %v", err)
			}
			if err := s.View(t.Context(), fail); err != errOfClosure { //nolint:errorlint // unchanged means the same value
				t.Errorf("View = %v", err)
			}
		}},
		{"ARefusalIsAValueAndItsWritesStay", refusalIsValue},
		{"AFailingNeighbourTakesNothingWithIt", failingNeighbours},
		{"AClosureSeesItsOwnWrites", ownWrites},
		{"WritingInAViewIsAnError", writesInView},
		{"AnEndedContextMeansThatNothingHappened", endedContext},
		{"WhatARoleReturnsIsTheCallersOwn", ownCopies},
		{"AViewIsOneMoment", oneMoment},
	}
}

// everything writes through every role.
func everything(tx store.Tx) error {
	if err := Samples().Put(tx); err != nil {
		return err
	}
	if err := tx.Outbox.Append(row(1)); err != nil {
		return err
	}
	if err := tx.Audit.Append(auditRecord(1)); err != nil {
		return err
	}
	return tx.Policies.Append(policyRecord(1))
}

func wantSamples(t *testing.T, s store.Store, want Records) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, err := Samples().Read(tx)
		if diff := cmp.Diff(want, got); err == nil && diff != "" {
			t.Errorf("the records (-want +got):\n%s", diff)
		}
		return err
	})
}

// nothing is what Samples().Read finds in an empty store.
func nothing() Records {
	return Records{CountKey: Samples().CountKey, CountUntil: Samples().CountUntil}
}

func errorUndoes(t *testing.T, s store.Store) {
	err := tryUpdate(t.Context(), s, func(tx store.Tx) error {
		if err := everything(tx); err != nil {
			return err
		}
		return errOfClosure
	})
	if !errors.Is(err, errOfClosure) {
		t.Fatalf("Update = %v", err)
	}
	wantSamples(t, s, nothing())
	wantAbsent(t, s, "the policy", func(tx store.Tx) (policy.Record, bool, error) { return tx.Policies.Current() })
	wantAbsent(t, s, "an index", userByEmail(address(1)))
	// Outbox and audit refuse an id that they have, and policies a version: that the same again is taken shows that they have none.
	update(t, s, everything)
	wantSamples(t, s, Samples())
}

func refusalIsValue(t *testing.T, s store.Store) {
	limit := quota.Limit{Uses: 3, Window: at(60).Sub(at(0))}
	for i := range 5 {
		var admitted bool
		update(t, s, func(tx store.Tx) error {
			b, err := tx.Budgets.Get(accountKey(1))
			if err != nil {
				return err
			}
			_, admitted = b.Use(limit, at(0))
			return tx.Budgets.Put(accountKey(1), b, at(60))
		})
		if admitted != (i < 3) {
			t.Errorf("answer %d: admitted = %t", i, admitted)
		}
	}
}

func failingNeighbours(t *testing.T, s store.Store) {
	const n = 60
	race(t, n, func(i int) error {
		fails := i%3 == 0
		err := tryUpdate(t.Context(), s, func(tx store.Tx) error {
			if err := tx.Devices.Put(dev(i, 1)); err != nil {
				return err
			}
			if fails {
				return errOfClosure
			}
			return nil
		})
		if fails != errors.Is(err, errOfClosure) || !fails && err != nil {
			return fmt.Errorf("closure %d: %w", i, err)
		}
		return nil
	})
	for i := range n {
		if i%3 == 0 {
			wantAbsent(t, s, "a failed closure's write", deviceByID(ident("dev", i)))
		} else {
			wantFound(t, s, "its neighbour's", deviceByID(ident("dev", i)), dev(i, 1))
		}
	}
}

func ownWrites(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) error {
		if err := everything(tx); err != nil {
			return err
		}
		got, err := Samples().Read(tx)
		if diff := cmp.Diff(Samples(), got); err == nil && diff != "" {
			t.Errorf("the records (-want +got):\n%s", diff)
		}
		if _, found, err := tx.Users.ByEmail(address(1)); !found || err != nil {
			t.Errorf("by index: found = %t, %v", found, err)
		}
		return err
	})
}

func writesInView(t *testing.T, s store.Store) {
	r := Samples()
	for name, write := range map[string]func(store.Tx) error{
		"Users.Put":           func(tx store.Tx) error { return tx.Users.Put(r.User) },
		"Devices.Put":         func(tx store.Tx) error { return tx.Devices.Put(r.Device) },
		"Devices.Delete":      func(tx store.Tx) error { return tx.Devices.Delete(r.Device.ID) },
		"Sessions.Put":        func(tx store.Tx) error { return tx.Sessions.Put(r.Session) },
		"Attempts.Put":        func(tx store.Tx) error { return tx.Attempts.Put(r.Attempt) },
		"Attempts.Delete":     func(tx store.Tx) error { return tx.Attempts.Delete(r.Attempt.ID) },
		"Budgets.Put":         func(tx store.Tx) error { return tx.Budgets.Put(r.CountKey, r.Budget, r.CountUntil) },
		"Lockouts.Put":        func(tx store.Tx) error { return tx.Lockouts.Put(r.CountKey, r.Lockout, r.CountUntil) },
		"Applications.Put":    func(tx store.Tx) error { return tx.Applications.Put(r.Application) },
		"Applications.PutKey": func(tx store.Tx) error { return tx.Applications.PutKey(r.Key) },
		"SigningKeys.Put":     func(tx store.Tx) error { return tx.SigningKeys.Put(r.SigningKey) },
		"SigningKeys.Delete":  func(tx store.Tx) error { return tx.SigningKeys.Delete(r.SigningKey.ID) },
		"Alerts.Put":          func(tx store.Tx) error { return tx.Alerts.Put(r.Alert) },
		"Outbox.Append":       func(tx store.Tx) error { return tx.Outbox.Append(row(1)) },
		"Audit.Append":        func(tx store.Tx) error { return tx.Audit.Append(auditRecord(1)) },
		"Policies.Append":     func(tx store.Tx) error { return tx.Policies.Append(policyRecord(1)) },
	} {
		if err := s.View(t.Context(), write); err == nil {
			t.Errorf("%s in a View: no error", name)
		}
	}
	wantSamples(t, s, nothing())
	update(t, s, everything)
}

func endedContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var ran atomic.Bool
	note := func(tx store.Tx) error {
		ran.Store(true)
		return tx.Devices.Put(dev(1, 1))
	}
	if err := s.Update(ctx, note); !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	if err := s.View(ctx, note); !errors.Is(err, context.Canceled) {
		t.Errorf("View = %v, want context.Canceled", err)
	}
	update(t, s, func(store.Tx) error { return nil }) // a closure that still waited would have run before this one
	if ran.Load() {
		t.Error("a closure ran")
	}
	wantAbsent(t, s, "its write", deviceByID(dev(1, 1).ID))
}

func ownCopies(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) error {
		given := Samples()
		if err := given.Put(tx); err != nil {
			return err
		}
		scribble(reflect.ValueOf(&given)) // what was put isn't kept by reference either
		got, err := Samples().Read(tx)
		scribble(reflect.ValueOf(&got))
		return err
	})
	wantSamples(t, s, Samples())
	view(t, s, func(tx store.Tx) error {
		got, err := Samples().Read(tx)
		if err != nil {
			return err
		}
		scribble(reflect.ValueOf(&got))
		again, err := Samples().Read(tx)
		if diff := cmp.Diff(Samples(), again); err == nil && diff != "" {
			t.Errorf("read again (-want +got):\n%s", diff)
		}
		return err
	})
}

// oneMoment moves versions from one user to another and back; whoever looks in between never sees one gone or doubled.
func oneMoment(t *testing.T, s store.Store) {
	const total, rounds = 100, 40
	first, second := user(1), user(2)
	first.Version, second.Version = total, 0
	puts(t, s, putUser, first, second)
	race(t, 8, func(i int) error {
		for range rounds {
			var err error
			if i%2 == 0 {
				err = tryUpdate(t.Context(), s, moveOne)
			} else {
				err = s.View(t.Context(), func(tx store.Tx) error { return sumIs(tx, total) })
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	view(t, s, func(tx store.Tx) error {
		u, _, err := tx.Users.Get(second.ID)
		if moved := uint64(total); u.Version != moved { // 4 writers × 40 rounds want more than there is
			t.Errorf("moved %d, want %d: an update was lost", u.Version, moved)
		}
		return err
	})
}

func moveOne(tx store.Tx) error {
	from, _, err := tx.Users.Get(ident("usr", 1))
	if err != nil || from.Version == 0 {
		return err
	}
	to, _, err := tx.Users.Get(ident("usr", 2))
	if err != nil {
		return err
	}
	from.Version--
	to.Version++
	if err := tx.Users.Put(from); err != nil {
		return err
	}
	return tx.Users.Put(to)
}

func sumIs(tx store.Tx, total uint64) error {
	first, _, err := tx.Users.Get(ident("usr", 1))
	if err != nil {
		return err
	}
	second, _, err := tx.Users.Get(ident("usr", 2))
	if err != nil {
		return err
	}
	if sum := first.Version + second.Version; sum != total {
		return fmt.Errorf("a view of two moments: %d in sum, want %d", sum, total)
	}
	return nil
}
