package policy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/policy"
)

// limits stands for a service's policy.
type limits struct {
	Failures int      `json:"failures"`
	Blocked  []string `json:"blocked"`
	Lockout  lockout  `json:"lockout"`
}

type lockout struct {
	Budget int           `json:"budget"`
	Window time.Duration `json:"window"`
}

func defaults() limits {
	return limits{Failures: 10, Blocked: []string{"AA", "BB"}, Lockout: lockout{Budget: 5, Window: time.Hour}}
}

func validate(l limits) error {
	var faults []error
	if l.Failures < 1 {
		faults = append(faults, errors.New("failures must be 1 or more"))
	}
	if l.Lockout.Budget < 1 {
		faults = append(faults, errors.New("lockout.budget must be 1 or more"))
	}
	return errors.Join(faults...)
}

// source is where a policy is read from: a real file, whose reads a test can
// count, fail or hold up.
type source struct {
	db    *boltdb.DB
	reads atomic.Int32
	read  atomic.Pointer[func(context.Context) error] // runs before each read
}

func newSource(t *testing.T) *source {
	return &source{db: boltdbtest.Open(t, boltdb.Options{Buckets: boltdb.PolicyBuckets()})}
}

func (s *source) before(fn func(context.Context) error) { s.read.Store(&fn) }

func (s *source) view(ctx context.Context, fn func(policy.Records) error) error {
	s.reads.Add(1)
	if before := s.read.Load(); before != nil {
		if err := (*before)(ctx); err != nil {
			return err
		}
	}
	return s.db.View(ctx, func(tx *bolt.Tx) error { return fn(boltdb.PolicyIn(tx)) })
}

func (s *source) config(log *bytes.Buffer) policy.Config[limits] {
	return policy.Config[limits]{
		Defaults: defaults(),
		Validate: validate,
		Read:     s.view,
		Now:      time.Now,
		Logger:   slog.New(slog.NewTextHandler(log, nil)),
	}
}

func (s *source) open(t *testing.T) *policy.Store[limits] {
	t.Helper()
	store, err := policy.Open(t.Context(), s.config(new(bytes.Buffer)))
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// change runs one change in a transaction.
func (s *source) change(ctx context.Context, store *policy.Store[limits], c policy.Change[limits]) (r policy.Record, err error) {
	err = s.db.Update(ctx, func(tx *bolt.Tx) (err error) {
		r, err = store.Update(boltdb.PolicyIn(tx), c)
		return err
	})
	return r, err
}

func failures(n int) limits {
	l := defaults()
	l.Failures = n
	return l
}

func TestDefaultsHoldUntilTheFirstChange(t *testing.T) {
	s := newSource(t)
	store := s.open(t)
	if diff := cmp.Diff(policy.Snapshot[limits]{Value: defaults()}, store.Snapshot(t.Context())); diff != "" {
		t.Errorf("before a change (-want +got):\n%s", diff)
	}
	record, err := s.change(t.Context(), store, policy.Change[limits]{Value: failures(3), By: "usr_1", Reason: "an attack"})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	want := policy.Snapshot[limits]{Value: failures(3), Version: 1, ChangedAt: record.ChangedAt.Round(0), ChangedBy: "usr_1", Reason: "an attack"}
	if diff := cmp.Diff(want, store.Snapshot(t.Context())); diff != "" {
		t.Errorf("after the change (-want +got):\n%s", diff)
	}
}

func TestInvalidChangeReportsAllFaultsAndChangesNothing(t *testing.T) {
	s := newSource(t)
	store := s.open(t)
	_, err := s.change(t.Context(), store, policy.Change[limits]{By: "usr_1"})
	if !errors.Is(err, policy.ErrInvalid) || !strings.Contains(err.Error(), "failures") || !strings.Contains(err.Error(), "lockout.budget") {
		t.Errorf("Update = %v, want ErrInvalid with both faults", err)
	}
	if _, err := s.change(t.Context(), store, policy.Change[limits]{Value: failures(3)}); err == nil {
		t.Error("a change by nobody was taken")
	}
	if err := store.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := store.Snapshot(t.Context()).Version; got != 0 {
		t.Errorf("the version is %d, want 0", got)
	}
}

func TestOfRacingChangesOneWinsAndTheOthersHearOfIt(t *testing.T) {
	s := newSource(t)
	store := s.open(t)
	var won, lost atomic.Int32
	var racers sync.WaitGroup
	for i := range 32 {
		racers.Go(func() {
			_, err := s.change(context.Background(), store, policy.Change[limits]{Value: failures(i + 1), By: "usr_1"})
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, policy.ErrConflict):
				lost.Add(1)
			default:
				t.Errorf("Update = %v", err)
			}
		})
	}
	racers.Wait()
	if won.Load() != 1 || lost.Load() != 31 {
		t.Errorf("%d won and %d lost, want 1 and 31", won.Load(), lost.Load())
	}
}

func TestOlderRecordTakesNewFieldsFromTheDefaults(t *testing.T) {
	s := newSource(t)
	old := policy.Record{Version: 1, Value: json.RawMessage(`{"failures":3,"blocked":["CC"],"lockout":{"window":60}}`), ChangedBy: "usr_1"}
	if err := s.db.Update(t.Context(), func(tx *bolt.Tx) error { return boltdb.PolicyIn(tx).Append(old) }); err != nil {
		t.Fatal(err)
	}
	want := limits{Failures: 3, Blocked: []string{"CC"}, Lockout: lockout{Budget: 5, Window: 60}}
	for range 2 { // twice: reading must not wear on the defaults
		store := s.open(t)
		if diff := cmp.Diff(want, store.Current(t.Context())); diff != "" {
			t.Errorf("policy (-want +got):\n%s", diff)
		}
	}
}

func TestServiceDoesNotStartWithoutItsPolicy(t *testing.T) {
	broken := errors.New("disk gone")
	s := newSource(t)
	s.before(func(context.Context) error { return broken })
	if _, err := policy.Open(t.Context(), s.config(new(bytes.Buffer))); !errors.Is(err, broken) {
		t.Errorf("Open on a broken store = %v", err)
	}

	invalid := newSource(t)
	record := policy.Record{Version: 1, Value: json.RawMessage(`{"failures":0}`), ChangedBy: "usr_1"}
	if err := invalid.db.Update(t.Context(), func(tx *bolt.Tx) error { return boltdb.PolicyIn(tx).Append(record) }); err != nil {
		t.Fatal(err)
	}
	if _, err := policy.Open(t.Context(), invalid.config(new(bytes.Buffer))); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("Open on an invalid policy = %v, want ErrInvalid", err)
	}

	wrong := newSource(t).config(new(bytes.Buffer))
	wrong.Defaults = limits{}
	if _, err := policy.Open(t.Context(), wrong); !errors.Is(err, policy.ErrInvalid) {
		t.Errorf("Open with invalid defaults = %v, want ErrInvalid", err)
	}
}

func TestManyCallersCostOneReadASecond(t *testing.T) {
	s := newMemory()
	synctest.Test(t, func(t *testing.T) {
		store := s.open(t)
		for range 3 {
			time.Sleep(time.Second)
			before := s.reads.Load()
			var callers sync.WaitGroup
			for range 100 {
				callers.Go(func() { store.Current(t.Context()) })
			}
			callers.Wait()
			time.Sleep(time.Second - 1)
			store.Current(t.Context())
			if got := s.reads.Load() - before; got != 1 {
				t.Errorf("101 callers within a second cost %d reads, want 1", got)
			}
		}
	})
}

func TestChangeElsewhereIsSeenWithinASecond(t *testing.T) {
	s := newMemory()
	synctest.Test(t, func(t *testing.T) {
		store := s.open(t)
		s.set(policy.Record{Version: 1, Value: json.RawMessage(`{"failures":3}`)})
		if got := store.Current(t.Context()).Failures; got != 10 {
			t.Errorf("the cache was passed by: failures = %d", got)
		}
		time.Sleep(time.Second)
		if got := store.Current(t.Context()).Failures; got != 3 {
			t.Errorf("after a second, failures = %d, want 3", got)
		}
	})
}

func TestBrokenStoreLeavesTheLastPolicyInForce(t *testing.T) {
	s := newMemory()
	s.set(policy.Record{Version: 1, Value: json.RawMessage(`{"failures":3}`)})
	synctest.Test(t, func(t *testing.T) {
		store := s.open(t)
		s.before(func(context.Context) error { return errors.New("disk gone") })
		time.Sleep(time.Hour)
		reads := s.reads.Load()
		for range 10 {
			if got := store.Current(t.Context()).Failures; got != 3 {
				t.Errorf("failures = %d, want the last policy's 3", got)
			}
		}
		if got := s.reads.Load() - reads; got != 1 {
			t.Errorf("the broken store was read %d times in a second, want 1", got)
		}
		s.before(func(context.Context) error { return nil })
		s.set(policy.Record{Version: 2, Value: json.RawMessage(`{"failures":4}`)})
		time.Sleep(time.Second)
		if got := store.Current(t.Context()).Failures; got != 4 {
			t.Errorf("the store is back and failures = %d, want 4", got)
		}
	})
}

func TestHangingStoreHoldsUpCallersOnceAndBriefly(t *testing.T) {
	s := newMemory()
	synctest.Test(t, func(t *testing.T) {
		store := s.open(t)
		release := make(chan struct{})
		s.before(func(context.Context) error { <-release; return nil }) // deaf to its deadline
		time.Sleep(2 * time.Second)

		began := time.Now()
		ctx, cancel := context.WithTimeout(t.Context(), 30*time.Millisecond)
		defer cancel()
		store.Current(ctx)
		if waited := time.Since(began); waited != 30*time.Millisecond {
			t.Errorf("the caller waited %v, beyond its own deadline of 30 ms", waited)
		}
		store.Current(t.Context())
		if waited := time.Since(began); waited != 100*time.Millisecond {
			t.Errorf("the read was waited for during %v, want 100 ms", waited)
		}
		store.Current(t.Context())
		if waited := time.Since(began); waited != 100*time.Millisecond {
			t.Errorf("a later caller waited again")
		}
		close(release)
		synctest.Wait()
	})
}

func TestSlowReadDoesNotUndoAFresherOne(t *testing.T) {
	s := newMemory()
	synctest.Test(t, func(t *testing.T) {
		store := s.open(t)
		release := make(chan struct{})
		s.after(func() { <-release }) // it has read version 0 already
		time.Sleep(2 * time.Second)
		store.Current(t.Context())
		s.after(nil)
		s.set(policy.Record{Version: 1, Value: json.RawMessage(`{"failures":3}`)})
		if err := store.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		close(release)
		synctest.Wait()
		if got := store.Current(t.Context()).Failures; got != 3 {
			t.Errorf("failures = %d, want 3: the slow read undid the fresh one", got)
		}
	})
}

func TestMetricShowsTheVersionInForce(t *testing.T) {
	s, registry := newSource(t), prometheus.NewRegistry()
	cfg := s.config(new(bytes.Buffer))
	cfg.Registerer = registry
	store, err := policy.Open(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	version := func() float64 {
		t.Helper()
		families, err := registry.Gather()
		if err != nil || len(families) != 1 || families[0].GetName() != "doorward_policy_version" {
			t.Fatalf("gathered %v, %v", families, err)
		}
		return families[0].GetMetric()[0].GetGauge().GetValue()
	}
	if got := version(); got != 0 {
		t.Errorf("version %v of the defaults, want 0", got)
	}
	changed := defaults()
	changed.Failures = 3
	if _, err := s.change(t.Context(), store, policy.Change[limits]{Value: changed, By: "op", Reason: "test"}); err != nil {
		t.Fatal(err)
	}
	if err := store.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := version(); got != 1 {
		t.Errorf("version %v after a change, want 1", got)
	}
}
