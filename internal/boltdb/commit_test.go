package boltdb_test

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	bolt "go.etcd.io/bbolt"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

var marks = boltdb.Options{Buckets: []string{"marks"}, SchemaVersion: 1}

func mark(tx *bolt.Tx, key string) error {
	return tx.Bucket([]byte("marks")).Put([]byte(key), []byte("x"))
}

// marked returns the keys in the store's bucket.
func marked(t testing.TB, db *boltdb.DB) []string {
	t.Helper()
	var keys []string
	err := db.View(context.Background(), func(tx *bolt.Tx) error {
		keys = nil
		return tx.Bucket([]byte("marks")).ForEach(func(k, _ []byte) error {
			keys = append(keys, string(k))
			return nil
		})
	})
	if err != nil {
		t.Fatalf("read the marks: %v", err)
	}
	return keys
}

// hold keeps the writer busy with a closure of its own until release is called,
// so that the calls made meanwhile share the next transaction.
func hold(t testing.TB, db *boltdb.DB) (release func()) {
	t.Helper()
	entered, leave := make(chan struct{}), make(chan struct{})
	go func() {
		_ = db.Update(context.Background(), func(*bolt.Tx) error {
			close(entered)
			<-leave
			return nil
		})
	}()
	<-entered
	return sync.OnceFunc(func() { close(leave) })
}

// eventually polls the condition until it holds, and fails the test if it never does.
func eventually(t testing.TB, what string, condition func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("never happened: %s", what)
		}
	}
}

// queued waits until n calls wait for the writer.
func queued(t testing.TB, db *boltdb.DB, n int) {
	t.Helper()
	eventually(t, fmt.Sprintf("%d calls in the queue", n), func() bool { return db.Queued() >= n })
}

func TestUpdateIsOnDiskWhenItReturns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := boltdbtest.OpenAt(t, path, marks)
	if err := db.Update(t.Context(), func(tx *bolt.Tx) error { return mark(tx, "a") }); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	again := boltdbtest.OpenAt(t, path, marks)
	if diff := cmp.Diff([]string{"a"}, marked(t, again)); diff != "" {
		t.Errorf("after opening again (-want +got):\n%s", diff)
	}
}

func TestFailingClosureLeavesItsNeighboursWhole(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	release := hold(t, db)
	refused := errors.New("refused")
	closures := []func(*bolt.Tx) error{
		func(tx *bolt.Tx) error { return mark(tx, "first") },
		func(tx *bolt.Tx) error { return errors.Join(mark(tx, "half"), refused) },
		func(tx *bolt.Tx) error { return mark(tx, "second") },
		func(tx *bolt.Tx) error { _ = mark(tx, "burst"); panic("a secret") },
		func(tx *bolt.Tx) error { return mark(tx, "third") },
	}
	want := []error{nil, refused, nil, boltdb.ErrPanic, nil}
	got := make([]error, len(closures))
	runs := make([]atomic.Int32, len(closures))
	var callers sync.WaitGroup
	for i, closure := range closures {
		callers.Go(func() {
			got[i] = db.Update(context.Background(), func(tx *bolt.Tx) error {
				runs[i].Add(1)
				return closure(tx)
			})
		})
		queued(t, db, i+1)
	}
	release()
	callers.Wait()
	for i := range want {
		if !errors.Is(got[i], want[i]) {
			t.Errorf("closure %d answered %v, want %v", i, got[i], want[i])
		}
		if n := runs[i].Load(); n < 1 || n > 2 {
			t.Errorf("closure %d ran %d times, want once or twice", i, n)
		}
	}
	if got[3] != nil && strings.Contains(got[3].Error(), "secret") {
		t.Errorf("the panic's value is in the error: %v", got[3])
	}
	if diff := cmp.Diff([]string{"first", "second", "third"}, marked(t, db)); diff != "" {
		t.Errorf("what is stored (-want +got):\n%s", diff)
	}
}

// Whatever fails and whoever shares a transaction with it: exactly the closures
// that were answered with success are stored, and they ran at most twice.
func TestExactlyTheSuccessfulClosuresRemain(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	var round int
	rapid.Check(t, func(r *rapid.T) {
		round++
		outcomes := rapid.SliceOfN(rapid.SampledFrom([]string{"ok", "ok", "error", "panic"}), 1, 40).Draw(r, "outcomes")
		runs := make([]atomic.Int32, len(outcomes))
		succeeded := make([]bool, len(outcomes))
		name := func(i int) string { return fmt.Sprintf("%d/%d", round, i) }
		var callers sync.WaitGroup
		for i, outcome := range outcomes {
			callers.Go(func() {
				err := db.Update(context.Background(), func(tx *bolt.Tx) error {
					runs[i].Add(1)
					if err := mark(tx, name(i)); err != nil {
						return err
					}
					switch outcome {
					case "error":
						return errors.New("refused")
					case "panic":
						panic("burst")
					}
					return nil
				})
				succeeded[i] = err == nil
			})
		}
		callers.Wait()
		stored := marked(t, db)
		for i, outcome := range outcomes {
			if succeeded[i] != (outcome == "ok") {
				r.Fatalf("closure %d (%s): success = %t", i, outcome, succeeded[i])
			}
			if slices.Contains(stored, name(i)) != succeeded[i] {
				r.Fatalf("closure %d (%s): what is stored isn't what was answered", i, outcome)
			}
			if n := runs[i].Load(); n > 2 {
				r.Fatalf("closure %d ran %d times", i, n)
			}
		}
	})
}

func TestOnlyOneOfManyRacersTakesAValue(t *testing.T) {
	db := boltdbtest.Open(t, boltdb.Options{Buckets: []string{"emails"}})
	emails := boltdb.Unique{Bucket: "emails"}
	var winners atomic.Int32
	var racers sync.WaitGroup
	for i := range 64 {
		racers.Go(func() {
			id := fmt.Sprintf("usr_%d", i)
			var holder string
			err := db.Update(context.Background(), func(tx *bolt.Tx) (err error) {
				holder, err = emails.Claim(tx, "a@example.org", id)
				return err
			})
			if err != nil {
				t.Errorf("claim: %v", err)
			}
			if holder == id {
				winners.Add(1)
			}
		})
	}
	racers.Wait()
	if n := winners.Load(); n != 1 {
		t.Errorf("%d racers took the value, want 1", n)
	}
}

func TestCancelledBeforeItIsPickedNeverRuns(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	release := hold(t, db)
	defer release()
	ctx, cancel := context.WithCancel(t.Context())
	answered := make(chan error)
	go func() {
		answered <- db.Update(ctx, func(tx *bolt.Tx) error { return mark(tx, "late") })
	}()
	queued(t, db, 1)
	cancel()
	if err := <-answered; !errors.Is(err, context.Canceled) {
		t.Errorf("answered %v, want context.Canceled", err)
	}
	release()
	if err := db.Update(t.Context(), func(*bolt.Tx) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if got := marked(t, db); len(got) > 0 {
		t.Errorf("the cancelled closure wrote %q", got)
	}
}

func TestCancelledAfterItWasPickedTellsTheTruth(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	ctx, cancel := context.WithCancel(t.Context())
	err := db.Update(ctx, func(tx *bolt.Tx) error {
		cancel()
		return mark(tx, "kept")
	})
	if err != nil {
		t.Errorf("answered %v for a change that is stored", err)
	}
	if diff := cmp.Diff([]string{"kept"}, marked(t, db)); diff != "" {
		t.Errorf("what is stored (-want +got):\n%s", diff)
	}
}

func TestCloseFinishesWhatWasAcceptedAndRefusesTheRest(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := boltdbtest.OpenAt(t, path, marks)
	release := hold(t, db)
	const n = 100
	var failed atomic.Int32
	var callers sync.WaitGroup
	for i := range n {
		callers.Go(func() {
			err := db.Update(context.Background(), func(tx *bolt.Tx) error { return mark(tx, fmt.Sprint(i)) })
			if err != nil {
				failed.Add(1)
			}
		})
	}
	queued(t, db, n)
	closed := make(chan error)
	go func() { closed <- db.Close() }()
	release()
	if err := <-closed; err != nil {
		t.Fatal(err)
	}
	callers.Wait()
	if failed.Load() > 0 {
		t.Errorf("%d accepted calls failed", failed.Load())
	}
	if err := db.Update(t.Context(), func(*bolt.Tx) error { return nil }); !errors.Is(err, boltdb.ErrClosed) {
		t.Errorf("Update after Close: %v, want ErrClosed", err)
	}
	if err := db.View(t.Context(), func(*bolt.Tx) error { return nil }); !errors.Is(err, boltdb.ErrClosed) {
		t.Errorf("View after Close: %v, want ErrClosed", err)
	}
	again := boltdbtest.OpenAt(t, path, marks)
	if got := len(marked(t, again)); got != n {
		t.Errorf("%d of %d accepted changes are stored", got, n)
	}
}

func TestCloseRacesWithCallersWithoutLosingAnAnswer(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	db := boltdbtest.OpenAt(t, path, marks)
	var acknowledged atomic.Int32
	var callers sync.WaitGroup
	for i := range 16 {
		callers.Go(func() {
			for j := 0; ; j++ {
				err := db.Update(context.Background(), func(tx *bolt.Tx) error { return mark(tx, fmt.Sprint(i, "/", j)) })
				if errors.Is(err, boltdb.ErrClosed) {
					return
				}
				if err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				acknowledged.Add(1)
			}
		})
	}
	eventually(t, "50 changes", func() bool { return acknowledged.Load() >= 50 })
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	callers.Wait()
	again := boltdbtest.OpenAt(t, path, marks)
	if got := len(marked(t, again)); got != int(acknowledged.Load()) {
		t.Errorf("%d changes are stored and %d were acknowledged", got, acknowledged.Load())
	}
}

// A test's FailNow inside a closure ends the writer's goroutine. That must fail
// callers, not hang them.
func TestClosureThatEndsTheWriterHangsNobody(t *testing.T) {
	db := boltdbtest.Open(t, marks)
	if err := db.Update(t.Context(), func(*bolt.Tx) error { runtime.Goexit(); return nil }); !errors.Is(err, boltdb.ErrClosed) {
		t.Errorf("Update = %v, want ErrClosed", err)
	}
	if err := db.Update(t.Context(), func(*bolt.Tx) error { return nil }); !errors.Is(err, boltdb.ErrClosed) {
		t.Errorf("the next Update = %v, want ErrClosed", err)
	}
}
