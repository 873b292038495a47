package boltdb_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

type pet struct {
	Name string
	Legs int
}

var (
	pets     = boltdb.Table[pet]{Bucket: "pets"}
	petStore = boltdb.Options{Buckets: []string{"pets", "owners", "names"}}
)

func update(t testing.TB, db *boltdb.DB, fn func(*bolt.Tx) error) {
	t.Helper()
	if err := db.Update(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, db *boltdb.DB, fn func(*bolt.Tx) error) {
	t.Helper()
	if err := db.View(t.Context(), fn); err != nil {
		t.Fatal(err)
	}
}

func TestTableGivesBackWhatItWasGiven(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	update(t, db, func(tx *bolt.Tx) error { return pets.Put(tx, "a", pet{Name: "Ada", Legs: 4}) })
	view(t, db, func(tx *bolt.Tx) error {
		got, found, err := pets.Get(tx, "a")
		if diff := cmp.Diff(pet{Name: "Ada", Legs: 4}, got); diff != "" || !found || err != nil {
			t.Errorf("Get = found %t, %v (-want +got):\n%s", found, err, diff)
		}
		if _, found, err := pets.Get(tx, "b"); found || err != nil {
			t.Errorf("Get of a missing key = found %t, %v", found, err)
		}
		return nil
	})
	update(t, db, func(tx *bolt.Tx) error {
		return errors.Join(pets.Delete(tx, "a"), pets.Delete(tx, "never there"))
	})
	view(t, db, func(tx *bolt.Tx) error {
		if _, found, err := pets.Get(tx, "a"); found || err != nil {
			t.Errorf("Get after Delete = found %t, %v", found, err)
		}
		return nil
	})
}

func TestTableUpgradesOlderRecordsAndRefusesNewerOnes(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	type oldPet struct{ FullName string }
	first := boltdb.Table[oldPet]{Bucket: "pets"}
	second := boltdb.Table[pet]{Bucket: "pets", Version: 2, Upgrade: func(_ byte, data []byte) (pet, error) {
		var old oldPet
		err := json.Unmarshal(data, &old)
		return pet{Name: old.FullName, Legs: 4}, err
	}}
	update(t, db, func(tx *bolt.Tx) error {
		return errors.Join(first.Put(tx, "old", oldPet{"Ada"}), second.Put(tx, "new", pet{Name: "Bo", Legs: 2}))
	})
	view(t, db, func(tx *bolt.Tx) error {
		got, _, err := second.Get(tx, "old")
		if diff := cmp.Diff(pet{Name: "Ada", Legs: 4}, got); diff != "" || err != nil {
			t.Errorf("the upgraded record: %v (-want +got):\n%s", err, diff)
		}
		if _, _, err := first.Get(tx, "new"); !errors.Is(err, boltdb.ErrNewerRecord) {
			t.Errorf("a newer record answered %v, want ErrNewerRecord", err)
		}
		if _, err := first.Scan(tx, boltdb.Range{}); !errors.Is(err, boltdb.ErrNewerRecord) {
			t.Errorf("a scan over a newer record answered %v, want ErrNewerRecord", err)
		}
		return nil
	})
}

func TestTableRefusesDamagedRecordsWithoutQuotingThem(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	for name, raw := range map[string][]byte{
		"empty": {}, "version alone": {1}, "version 0": []byte("\x00{}"), "no JSON": []byte("\x01hunter2"),
	} {
		t.Run(name, func(t *testing.T) {
			update(t, db, func(tx *bolt.Tx) error { return tx.Bucket([]byte("pets")).Put([]byte("a"), raw) })
			view(t, db, func(tx *bolt.Tx) error {
				_, _, err := pets.Get(tx, "a")
				if err == nil || strings.Contains(err.Error(), "hunter2") {
					t.Errorf("Get = %v, want an error that doesn't quote the record", err)
				}
				return nil
			})
		})
	}
}

func TestForgottenBucketIsNamed(t *testing.T) {
	db := boltdbtest.Open(t, boltdb.Options{})
	err := db.Update(t.Context(), func(tx *bolt.Tx) error { return pets.Put(tx, "a", pet{}) })
	if !errors.Is(err, boltdb.ErrNoBucket) || !strings.Contains(err.Error(), "pets") {
		t.Errorf("Put = %v, want ErrNoBucket that names the bucket", err)
	}
}

// A scan is what filtering a sorted slice gives, whatever the keys, prefix,
// mark, limit and direction.
func TestScanIsAWindowOnTheSortedKeys(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	key := rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00\u00ff")), 1, 4, -1)
	rapid.Check(t, func(r *rapid.T) {
		keys := rapid.SliceOfNDistinct(key, 0, 30, rapid.ID[string]).Draw(r, "keys")
		window := boltdb.Range{
			Prefix:     rapid.OneOf(rapid.Just(""), key).Draw(r, "prefix"),
			After:      rapid.OneOf(rapid.Just(""), key).Draw(r, "after"),
			Limit:      rapid.IntRange(0, 10).Draw(r, "limit"),
			Descending: rapid.Bool().Draw(r, "descending"),
		}
		var got []string
		update(t, db, func(tx *bolt.Tx) error {
			if err := tx.DeleteBucket([]byte("pets")); err != nil {
				return err
			}
			if _, err := tx.CreateBucket([]byte("pets")); err != nil {
				return err
			}
			for _, k := range keys {
				if err := pets.Put(tx, k, pet{Name: k}); err != nil {
					return err
				}
			}
			items, err := pets.Scan(tx, window)
			got = nil
			for _, item := range items {
				got = append(got, item.Key)
			}
			return err
		})
		if diff := cmp.Diff(filtered(keys, window), got); diff != "" {
			r.Fatalf("scan (-want +got):\n%s", diff)
		}
	})
}

// filtered is the plain form of a scan.
func filtered(keys []string, window boltdb.Range) []string {
	slices.Sort(keys)
	if window.Descending {
		slices.Reverse(keys)
	}
	var kept []string
	for _, k := range keys {
		past := window.After == "" || (k > window.After) != window.Descending && k != window.After
		if past && strings.HasPrefix(k, window.Prefix) && (window.Limit == 0 || len(kept) < window.Limit) {
			kept = append(kept, k)
		}
	}
	return kept
}

func TestCompositeKeysSortAsTheirParts(t *testing.T) {
	part := rapid.StringOfN(rapid.SampledFrom([]rune("a\x00\x01\x02\u00ff")), 0, 4, -1)
	parts := rapid.SliceOfN(part, 1, 3)
	rapid.Check(t, func(r *rapid.T) {
		a, b := parts.Draw(r, "a"), parts.Draw(r, "b")
		if got, want := strings.Compare(boltdb.Key(a...), boltdb.Key(b...)), slices.Compare(a, b); got != want {
			r.Fatalf("keys compare as %d, their parts as %d", got, want)
		}
	})
}

func FuzzKey(f *testing.F) {
	f.Add("a", "b")
	f.Add("", "\x00\x01")
	f.Add("\x00", "\x01\x00\xff")
	f.Fuzz(func(t *testing.T, a, b string) {
		if diff := cmp.Diff([]string{a, b}, boltdb.SplitKey(boltdb.Key(a, b))); diff != "" {
			t.Errorf("parts don't come back (-want +got):\n%s", diff)
		}
		if !strings.HasPrefix(boltdb.Key(a, b), boltdb.Key(a)) {
			t.Error("the first part isn't a prefix")
		}
	})
}

func TestTimesSortAsKeys(t *testing.T) {
	times := []time.Time{time.Unix(-5_000_000_000, 0), time.Unix(0, -1), time.Unix(0, 0), time.Unix(0, 1), time.Unix(5_000_000_000, 0)}
	for i := range times[1:] {
		if bytes.Compare([]byte(boltdb.Time(times[i])), []byte(boltdb.Time(times[i+1]))) >= 0 {
			t.Errorf("%v doesn't sort before %v", times[i], times[i+1])
		}
	}
}
