package policy

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	// maxAge is how old a policy may be that a caller gets while the store
	// answers.
	maxAge = time.Second
	// readTimeout is how long callers wait for a store that doesn't answer.
	readTimeout = 100 * time.Millisecond
)

// Config says what a policy is and where it is stored.
type Config[T any] struct {
	// Defaults hold until the first change, and for fields that a stored record
	// doesn't have. T is encoded as JSON. It should hold no maps with default
	// entries: an entry that an operator removed would come back.
	Defaults T
	// Validate reports all faults of a policy at once, joined.
	Validate func(T) error
	// Read opens a read transaction of the service's store.
	Read func(ctx context.Context, fn func(Records) error) error
	// Now is the clock.
	Now func() time.Time
	// Logger hears of reads that fail.
	Logger *slog.Logger
	// Registerer takes the metric, and says whose policy it is; nil for none.
	Registerer prometheus.Registerer
}

// Snapshot is a policy with the version it has. The value is shared: whoever
// gets it doesn't change what its slices and pointers lead to.
type Snapshot[T any] struct {
	Value T
	// Version is 0 for the defaults.
	Version   uint64
	ChangedAt time.Time
	ChangedBy string
	Reason    string
}

// Store is the policy of one service. Its methods are safe for concurrent use.
type Store[T any] struct {
	cfg      Config[T]
	defaults []byte

	mu       sync.Mutex
	held     Snapshot[T]
	heldRead uint64    // the number of the read that held came from
	reads    uint64    // how many reads have begun
	nextRead time.Time // until then, held is good enough
	flight   *flight   // the read under way, if any
}

// flight is one read of the store, shared by all who need it.
type flight struct {
	done    chan struct{}   // closed when the read has ended
	overdue context.Context // ends when nobody should wait for it any longer
}

// Open reads the policy for the first time.
func Open[T any](ctx context.Context, cfg Config[T]) (*Store[T], error) {
	if cfg.Validate == nil || cfg.Read == nil || cfg.Now == nil || cfg.Logger == nil {
		return nil, errors.New("policy: Validate, Read, Now and Logger must be set")
	}
	if err := cfg.Validate(cfg.Defaults); err != nil {
		return nil, fmt.Errorf("default policy: %w: %w", ErrInvalid, err)
	}
	defaults, err := json.Marshal(cfg.Defaults)
	if err != nil {
		return nil, fmt.Errorf("encode the default policy: %w", err)
	}
	s := &Store[T]{cfg: cfg, defaults: defaults}
	if err := s.Refresh(ctx); err != nil {
		return nil, err
	}
	return s, s.observe()
}

// observe shows which version is in force.
func (s *Store[T]) observe() error {
	if s.cfg.Registerer == nil {
		return nil
	}
	version := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_policy_version", Help: "Version of the policy in force; 0 for the defaults.",
	}, func() float64 { return float64(s.Snapshot(context.Background()).Version) })
	if err := s.cfg.Registerer.Register(version); err != nil {
		return fmt.Errorf("policy: register metric: %w", err)
	}
	return nil
}

// Current returns the policy, at most a second old while the store answers. It
// waits for the store for a tenth of a second at most, and never beyond ctx.
func (s *Store[T]) Current(ctx context.Context) T { return s.Snapshot(ctx).Value }

// Snapshot is Current with the version.
func (s *Store[T]) Snapshot(ctx context.Context) Snapshot[T] {
	if f := s.needed(); f != nil {
		select {
		case <-f.done:
		case <-f.overdue.Done():
		case <-ctx.Done():
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.held
}

// needed returns the read to wait for: the one under way, or a new one; nil
// while what is held is young enough.
func (s *Store[T]) needed() *flight {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cfg.Now().Before(s.nextRead) {
		return nil
	}
	if s.flight == nil {
		s.flight = s.takeOff()
	}
	return s.flight
}

// Refresh reads the policy now, for a caller that has just changed it.
func (s *Store[T]) Refresh(ctx context.Context) error {
	s.mu.Lock()
	number := s.begin()
	s.mu.Unlock()
	began := s.cfg.Now()
	snapshot, err := s.read(ctx)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold(snapshot, number, began)
	return nil
}

// takeOff starts a read in a goroutine of its own, which ends when the store
// answers. It belongs to no caller, so no caller's deadline ends it for the
// others. A store that ignores the deadline keeps this one goroutine, and
// callers stop waiting for it. The caller holds mu.
func (s *Store[T]) takeOff() *flight {
	ctx, cancel := context.WithTimeout(context.Background(), readTimeout)
	f := &flight{done: make(chan struct{}), overdue: ctx}
	number, began := s.begin(), s.cfg.Now()
	go func() {
		defer cancel()
		defer close(f.done)
		snapshot, err := s.read(ctx)
		s.mu.Lock()
		defer s.mu.Unlock()
		s.flight = nil
		if err != nil {
			s.nextRead = s.cfg.Now().Add(maxAge)
			s.cfg.Logger.LogAttrs(ctx, slog.LevelError, "policy can't be read; the last one stays in force",
				slog.Uint64("version", s.held.Version), slog.Any("error", err))
			return
		}
		s.hold(snapshot, number, began)
	}()
	return f
}

// begin numbers a read. The caller holds mu.
func (s *Store[T]) begin() uint64 {
	s.reads++
	return s.reads
}

// hold puts the result of a read in force, unless a read that began later was
// faster. The caller holds mu.
func (s *Store[T]) hold(snapshot Snapshot[T], number uint64, began time.Time) {
	if number < s.heldRead {
		return
	}
	s.held, s.heldRead, s.nextRead = snapshot, number, began.Add(maxAge)
}

// read fetches the current record and decodes it.
func (s *Store[T]) read(ctx context.Context) (Snapshot[T], error) {
	var record Record
	err := s.cfg.Read(ctx, func(r Records) (err error) {
		record, _, err = r.Current()
		return err
	})
	if err != nil {
		return Snapshot[T]{}, fmt.Errorf("read the policy: %w", err)
	}
	return s.decode(record)
}

// decode lays the record over the defaults, which fill the fields that it
// doesn't have. The zero record gives the defaults.
func (s *Store[T]) decode(r Record) (Snapshot[T], error) {
	var value T
	if err := json.Unmarshal(s.defaults, &value); err != nil {
		return Snapshot[T]{}, fmt.Errorf("decode the default policy: %w", err)
	}
	if r.Version > 0 {
		if err := json.Unmarshal(r.Value, &value); err != nil {
			return Snapshot[T]{}, fmt.Errorf("decode policy version %d: %w", r.Version, err)
		}
	}
	if err := s.cfg.Validate(value); err != nil {
		return Snapshot[T]{}, fmt.Errorf("stored policy, version %d: %w (correct it with the release that wrote it): %w", r.Version, ErrInvalid, err)
	}
	return Snapshot[T]{Value: value, Version: r.Version, ChangedAt: r.ChangedAt, ChangedBy: r.ChangedBy, Reason: r.Reason}, nil
}
