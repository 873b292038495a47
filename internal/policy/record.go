package policy

import (
	"encoding/json"
	"errors"
	"time"
)

var (
	// ErrConflict says that the policy has changed since the caller read it:
	// read it again, and apply the change to that.
	ErrConflict = errors.New("the policy was changed by somebody else meanwhile: read it again and repeat the change")
	// ErrInvalid wraps all the faults that validation found.
	ErrInvalid = errors.New("the policy is invalid")
)

// Record is one version of a policy, as stored. Records are only ever added.
type Record struct {
	// Version counts from 1. Before the first change there is no record.
	Version uint64 `json:"version"`
	// Value is the policy as JSON.
	Value json.RawMessage `json:"value"`
	// ChangedAt is when the change was made.
	ChangedAt time.Time `json:"changed_at"`
	// ChangedBy is the id of the operator who made it.
	ChangedBy string `json:"changed_by"`
	// Reason is what the operator gave for it; may be empty.
	Reason string `json:"reason"`
}

// Records is the role a store plays inside one of its transactions.
type Records interface {
	// Current returns the record with the highest version, and whether there is
	// one.
	Current() (Record, bool, error)
	// Append adds a record. Its version must follow the highest one, else
	// nothing changes and the error is ErrConflict.
	Append(Record) error
}
