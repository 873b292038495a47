package storetest

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// counts is a role that keeps a count under a key until a moment: Budgets and Lockouts.
type counts[T any] interface {
	Get(key [32]byte) (T, error)
	Put(key [32]byte, count T, until time.Time) error
	DeleteExpired(t time.Time, limit int) (int, error)
}

func budget(n int) quota.Budget {
	return quota.Budget{Used: []quota.Use{{At: at(n), Times: 1}, {At: at(n + 1), Times: n + 2}}}
}

func lockoutRecord(n int) lockout.Record {
	return lockout.Record{
		Rows: [2]lockout.Row{
			lockout.Strangers: {Failures: n + 1, Paced: n, Last: at(n)},
			lockout.Known:     {Failures: 1, Paced: 1, Last: at(n + 1)},
		},
		Reserved: []lockout.Reservation{{ID: ident("ans", n), Who: lockout.Known, At: at(n)}},
	}
}

func budgetTests() []test {
	return countTests(budget, func(tx store.Tx) counts[quota.Budget] { return tx.Budgets })
}

func lockoutTests() []test {
	return countTests(lockoutRecord, func(tx store.Tx) counts[lockout.Record] { return tx.Lockouts })
}

// countTests are those of a role of counts. The zero count is none.
func countTests[T any](sample func(n int) T, role func(store.Tx) counts[T]) []test {
	var none T
	put := func(t *testing.T, s store.Store, key int, count T, until time.Time) {
		t.Helper()
		update(t, s, func(tx store.Tx) error { return role(tx).Put(accountKey(key), count, until) })
	}
	want := func(t *testing.T, s store.Store, key int, want T) {
		t.Helper()
		view(t, s, func(tx store.Tx) error {
			got, err := role(tx).Get(accountKey(key))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("count %d (-want +got):\n%s", key, diff)
			}
			return err
		})
	}
	expire := func(minute, limit int) func(store.Tx) (int, error) {
		return func(tx store.Tx) (int, error) { return role(tx).DeleteExpired(at(minute), limit) }
	}
	return []test{
		{"GivesBackWhatItWasGivenAndElseNone", func(t *testing.T, s store.Store) {
			put(t, s, 1, sample(1), at(60))
			put(t, s, 2, sample(2), at(60))
			put(t, s, 2, sample(3), at(61))
			want(t, s, 1, sample(1))
			want(t, s, 2, sample(3))
			want(t, s, 3, none)
		}},
		{"AnEmptyOneIsDeletedAtOnce", func(t *testing.T, s store.Store) {
			put(t, s, 1, sample(1), at(60))
			put(t, s, 1, none, time.Time{})
			put(t, s, 2, none, at(60))
			want(t, s, 1, none)
			wantDeleted(t, s, expire(1000, 10), 0)
		}},
		{"DeleteExpiredTakesTheEarliestUpToItsLimit", func(t *testing.T, s store.Store) {
			for key := 1; key <= 3; key++ {
				put(t, s, key, sample(key), at(60+key))
			}
			put(t, s, 1, sample(4), at(90)) // a later count is kept longer
			wantDeleted(t, s, expire(62, 10), 0)
			wantDeleted(t, s, expire(64, 0), 0)
			wantDeleted(t, s, expire(64, 1), 1)
			want(t, s, 2, none)
			want(t, s, 3, sample(3))
			wantDeleted(t, s, expire(64, 10), 1)
			want(t, s, 1, sample(4))
		}},
	}
}
