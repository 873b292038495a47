package policy_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/policy"
)

// memory is a source for tests in a synctest bubble, which a file's locks and
// its writer would leave. It holds one record.
type memory struct {
	reads atomic.Int32

	mu          sync.Mutex
	record      policy.Record
	beforeRead  func(context.Context) error
	beforeReply func()
}

func newMemory() *memory { return &memory{} }

func (m *memory) set(r policy.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.record = r
}

// before runs before each read, after when one has its record.
func (m *memory) before(fn func(context.Context) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beforeRead = fn
}

func (m *memory) after(fn func()) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.beforeReply = fn
}

func (m *memory) view(ctx context.Context, fn func(policy.Records) error) error {
	m.reads.Add(1)
	m.mu.Lock()
	before, after := m.beforeRead, m.beforeReply
	m.mu.Unlock()
	if before != nil {
		if err := before(ctx); err != nil {
			return err
		}
	}
	m.mu.Lock()
	record := m.record
	m.mu.Unlock()
	if after != nil {
		after()
	}
	return fn(oneRecord{record})
}

func (m *memory) open(t *testing.T) *policy.Store[limits] {
	t.Helper()
	store, err := policy.Open(t.Context(), policy.Config[limits]{
		Defaults: defaults(),
		Validate: validate,
		Read:     m.view,
		Now:      time.Now,
		Logger:   slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

type oneRecord struct{ record policy.Record }

func (o oneRecord) Current() (policy.Record, bool, error) {
	return o.record, o.record.Version > 0, nil
}

func (o oneRecord) Append(policy.Record) error { return policy.ErrConflict }
