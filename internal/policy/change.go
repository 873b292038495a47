package policy

import (
	"encoding/json"
	"errors"
	"fmt"
)

// Change is what an operator asks for.
type Change[T any] struct {
	// Expected is the version the operator saw; 0 for the defaults.
	Expected uint64
	// Value is the whole new policy.
	Value T
	// By is the operator's id.
	By string
	// Reason is why; may be empty.
	Reason string
}

// Update stores the change in the transaction that records belongs to, and
// returns the new record for the audit record and the event that go with it. An
// invalid policy is ErrInvalid with every fault, a policy that isn't at the
// expected version any more ErrConflict; nothing was stored then.
//
// It may run twice, as everything in a transaction, and changes nothing but the
// transaction: call Refresh after the commit.
func (s *Store[T]) Update(records Records, c Change[T]) (Record, error) {
	if c.By == "" {
		return Record{}, errors.New("change the policy: it isn't said by whom")
	}
	if err := s.cfg.Validate(c.Value); err != nil {
		return Record{}, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	value, err := json.Marshal(c.Value)
	if err != nil {
		return Record{}, fmt.Errorf("encode the policy: %w", err)
	}
	current, _, err := records.Current()
	if err != nil {
		return Record{}, fmt.Errorf("read the policy: %w", err)
	}
	if current.Version != c.Expected {
		return Record{}, ErrConflict
	}
	next := Record{
		Version:   c.Expected + 1,
		Value:     value,
		ChangedAt: s.cfg.Now(),
		ChangedBy: c.By,
		Reason:    c.Reason,
	}
	if err := records.Append(next); err != nil {
		return Record{}, fmt.Errorf("store the policy: %w", err)
	}
	return next, nil
}
