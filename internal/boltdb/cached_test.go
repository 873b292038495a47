package boltdb_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

// litter has a part that copies could share.
type litter struct {
	Names []string
}

func cloneLitter(l litter) litter {
	l.Names = append([]string(nil), l.Names...)
	return l
}

var litters = boltdb.Table[litter]{Bucket: "pets"}

// TestCachedAnswersWhatTheTableWould reads records both ways in each transaction, while others write, delete and fail.
func TestCachedAnswersWhatTheTableWould(t *testing.T) {
	const readers, writes, keys = 3, 150, 8
	db := boltdbtest.Open(t, petStore)
	cached := boltdb.NewCached(litters, keys/2, cloneLitter)
	key := func() string { return fmt.Sprintf("key%d", rand.IntN(keys)) }
	done := make(chan struct{})
	var running sync.WaitGroup
	for range readers {
		running.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				k := key()
				err := db.View(t.Context(), func(tx *bolt.Tx) error {
					got, found, err := cached.Get(tx, k)
					want, exists, wantErr := litters.Get(tx, k)
					if diff := cmp.Diff(want, got); diff != "" || found != exists {
						t.Errorf("%s: found %t, want %t (-want +got):\n%s", k, found, exists, diff)
					}
					return errors.Join(err, wantErr)
				})
				if err != nil {
					t.Error(err)
					return
				}
			}
		})
	}
	errFails := errors.New("fails")
	for i := range writes {
		k := key()
		err := db.Update(t.Context(), func(tx *bolt.Tx) error {
			if i%5 == 0 {
				return cached.Delete(tx, k)
			}
			err := cached.Put(tx, k, litter{Names: []string{fmt.Sprint(i)}})
			if i%7 == 0 {
				return errFails
			}
			return err
		})
		if err != nil && !errors.Is(err, errFails) {
			t.Error(err)
		}
	}
	close(done)
	running.Wait()
}

func TestCachedForgetsWhatAnOlderTransactionRead(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	cached := boltdb.NewCached(litters, 100, cloneLitter)
	put := func(name string) {
		update(t, db, func(tx *bolt.Tx) error { return cached.Put(tx, "a", litter{Names: []string{name}}) })
	}
	reads := func(tx *bolt.Tx, want string) error {
		got, _, err := cached.Get(tx, "a")
		if diff := cmp.Diff([]string{want}, got.Names); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		return err
	}
	put(strings.Repeat("x", 1<<20)) // so that no later write needs more of the file, for which it would wait for readers
	put("first")
	view(t, db, func(older *bolt.Tx) error {
		put("second")
		// The older transaction reads after the commit, before and after a newer one did.
		err := reads(older, "first")
		view(t, db, func(newer *bolt.Tx) error { return reads(newer, "second") })
		return errors.Join(err, reads(older, "first"))
	})
	view(t, db, func(tx *bolt.Tx) error { return reads(tx, "second") })
}

func TestCachedGivesItsCallersTheirOwnCopies(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	cached := boltdb.NewCached(litters, 100, cloneLitter)
	update(t, db, func(tx *bolt.Tx) error { return cached.Put(tx, "a", litter{Names: []string{"Ada"}}) })
	for range 3 { // from the file, and from memory
		view(t, db, func(tx *bolt.Tx) error {
			got, _, err := cached.Get(tx, "a")
			if diff := cmp.Diff([]string{"Ada"}, got.Names); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			got.Names[0] = "Eve"
			return err
		})
	}
}

func TestCachedIsBounded(t *testing.T) {
	db := boltdbtest.Open(t, petStore)
	cached := boltdb.NewCached(litters, 128, cloneLitter)
	update(t, db, func(tx *bolt.Tx) error {
		var errs []error
		for i := range 1000 {
			errs = append(errs, cached.Put(tx, fmt.Sprint(i), litter{}))
		}
		return errors.Join(errs...)
	})
	view(t, db, func(tx *bolt.Tx) error {
		var errs []error
		for i := range 1000 {
			_, _, err := cached.Get(tx, fmt.Sprint(i))
			errs = append(errs, err)
		}
		return errors.Join(errs...)
	})
	if got := cached.Len(); got > 128 {
		t.Errorf("%d records are kept, want 128 at most", got)
	}
}
