package boltdb_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

func TestUniqueValueBelongsToTheFirstUntilReleased(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	names := boltdb.Unique{Bucket: "names"}
	update(t, db, func(tx *bolt.Tx) error {
		steps := []struct {
			do   string
			id   string
			want string // the holder afterwards
		}{
			{"claim", "usr_1", "usr_1"},
			{"claim", "usr_1", "usr_1"},
			{"claim", "usr_2", "usr_1"},
			{"release", "usr_2", "usr_1"},
			{"release", "usr_1", ""},
			{"claim", "usr_2", "usr_2"},
		}
		for i, step := range steps {
			if step.do == "release" {
				if err := names.Release(tx, "ada", step.id); err != nil {
					return err
				}
			} else if holder, err := names.Claim(tx, "ada", step.id); err != nil || holder != step.want {
				t.Errorf("step %d: Claim = %q, %v, want %q", i, holder, err, step.want)
			}
			if holder, found, err := names.Lookup(tx, "ada"); err != nil || holder != step.want || found != (step.want != "") {
				t.Errorf("step %d: Lookup = %q, %t, %v, want %q", i, holder, found, err, step.want)
			}
		}
		return nil
	})
}

func TestUniqueListsItsIDsInTheOrderOfTheValues(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	names := boltdb.Unique{Bucket: "names"}
	update(t, db, func(tx *bolt.Tx) error {
		for value, id := range map[string]string{"bo": "usr_1", "ada": "usr_3", "cy": "usr_2"} {
			if _, err := names.Claim(tx, value, id); err != nil {
				return err
			}
		}
		for _, c := range []struct {
			after string
			limit int
			want  []string
		}{
			{"", 0, []string{"usr_3", "usr_1", "usr_2"}},
			{"", 2, []string{"usr_3", "usr_1"}},
			{"ada", 2, []string{"usr_1", "usr_2"}},
			{"bob", 2, []string{"usr_2"}}, // nobody's
			{"cy", 2, nil},
		} {
			got, err := names.IDs(tx, c.after, c.limit)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("after %q, %d: %v (-want +got):\n%s", c.after, c.limit, err, diff)
			}
		}
		return nil
	})
}

func TestMultiListsTheIDsOfOneValueOldestFirst(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	owners := boltdb.Multi{Bucket: "owners"}
	update(t, db, func(tx *bolt.Tx) error {
		return errors.Join(
			owners.Add(tx, "usr_1", "pet_b"),
			owners.Add(tx, "usr_1", "pet_a"),
			owners.Add(tx, "usr_1", "pet_c"),
			owners.Add(tx, "usr_1", "pet_c"),
			owners.Add(tx, "usr_1", "pet_gone"),
			owners.Remove(tx, "usr_1", "pet_gone"),
			owners.Remove(tx, "usr_1", "pet_never"),
			owners.Add(tx, "usr_10", "pet_x"), // a longer value isn't the same value
			owners.Add(tx, "usr_", "pet_y"),
		)
	})
	view(t, db, func(tx *bolt.Tx) error {
		for _, c := range []struct {
			after string
			limit int
			want  []string
		}{
			{"", 0, []string{"pet_a", "pet_b", "pet_c"}},
			{"", 2, []string{"pet_a", "pet_b"}},
			{"pet_b", 2, []string{"pet_c"}},
			{"pet_c", 2, []string{}},
		} {
			got, err := owners.IDs(tx, "usr_1", c.after, c.limit)
			if diff := cmp.Diff(c.want, got); diff != "" || err != nil {
				t.Errorf("after %q: %v (-want +got):\n%s", c.after, err, diff)
			}
		}
		return nil
	})
}

func TestMultiFindsWhatHasExpired(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	expiry := boltdb.Multi{Bucket: "owners"}
	now := time.Unix(1_000, 0)
	update(t, db, func(tx *bolt.Tx) error {
		return errors.Join(
			expiry.Add(tx, boltdb.Time(now.Add(1)), "later"),
			expiry.Add(tx, boltdb.Time(now), "now"),
			expiry.Add(tx, boltdb.Time(now.Add(-1)), "just"),
			expiry.Add(tx, boltdb.Time(now.Add(-time.Hour)), "long"),
		)
	})
	view(t, db, func(tx *bolt.Tx) error {
		got, err := expiry.Below(tx, boltdb.Time(now), 0)
		want := []boltdb.Entry{{Value: boltdb.Time(now.Add(-time.Hour)), ID: "long"}, {Value: boltdb.Time(now.Add(-1)), ID: "just"}}
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("expired: %v (-want +got):\n%s", err, diff)
		}
		if got, err := expiry.Below(tx, boltdb.Time(now), 1); len(got) != 1 || err != nil {
			t.Errorf("with limit 1: %d entries, %v", len(got), err)
		}
		return nil
	})
}
