// Package outboxtest holds the conformance suite that every implementation of outbox.Queue runs, and an in-memory queue for tests
// of what publishes. Only tests import it.
package outboxtest

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/telemetry"
)

var _ Store = (*Memory)(nil)

// Memory is a queue that forgets everything with the process. The zero value isn't usable; see NewMemory.
type Memory struct {
	mu      sync.Mutex
	rows    []outbox.Row // in the order of appending, published ones too
	changed chan struct{}
	broken  error
}

// NewMemory returns an empty queue.
func NewMemory() *Memory { return &Memory{changed: make(chan struct{}, 1)} }

// Break makes every method fail with err until Break(nil).
func (m *Memory) Break(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.broken = err
}

// Append is one transaction that appends all the rows, or none.
func (m *Memory) Append(ctx context.Context, rows ...outbox.Row) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	for _, row := range rows {
		if err := row.Validate(); err != nil {
			return err
		}
	}
	for _, row := range rows {
		row.Data = slices.Clone(row.Data)
		if row.Traceparent == "" {
			row.Traceparent = telemetry.Traceparent(ctx)
		}
		m.rows = append(m.rows, row)
	}
	select {
	case m.changed <- struct{}{}:
	default:
	}
	return nil
}

// Pending implements outbox.Queue.
func (m *Memory) Pending(_ context.Context, limit int) ([]outbox.Row, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var out []outbox.Row
	for _, row := range m.rows {
		if len(out) == limit {
			break
		}
		if row.Pending() {
			out = append(out, row)
		}
	}
	return out, m.broken
}

// Acknowledged implements outbox.Queue.
func (m *Memory) Acknowledged(_ context.Context, acks []outbox.Ack) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return m.broken
	}
	for _, ack := range acks {
		for i := range m.rows {
			if row := &m.rows[i]; row.ID == ack.ID {
				row.Stream, row.StreamCreated, row.Sequence, row.AckedAt = ack.Stream, ack.StreamCreated, ack.Sequence, ack.At
			}
		}
	}
	return nil
}

// Rewind implements outbox.Queue.
func (m *Memory) Rewind(_ context.Context, stream string, created time.Time, last uint64) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return 0, m.broken
	}
	n := 0
	for i := range m.rows {
		row := &m.rows[i]
		if row.Pending() || row.Stream != stream || (row.StreamCreated.Equal(created) && row.Sequence <= last) {
			continue
		}
		row.Stream, row.StreamCreated, row.Sequence, row.AckedAt = "", time.Time{}, 0, time.Time{}
		n++
	}
	return n, nil
}

// Forget implements outbox.Queue.
func (m *Memory) Forget(_ context.Context, before time.Time) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.broken != nil {
		return 0, m.broken
	}
	had := len(m.rows)
	m.rows = slices.DeleteFunc(m.rows, func(r outbox.Row) bool { return !r.Pending() && r.AckedAt.Before(before) })
	return had - len(m.rows), nil
}

// Depth implements outbox.Queue.
func (m *Memory) Depth(context.Context) (int, time.Time, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	n, oldest := 0, time.Time{}
	for _, row := range m.rows {
		if !row.Pending() {
			continue
		}
		if n == 0 {
			oldest = row.Time
		}
		n++
	}
	return n, oldest, m.broken
}

// Changed implements outbox.Queue.
func (m *Memory) Changed() <-chan struct{} { return m.changed }
