package boltdb

import (
	"errors"
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/audit"
)

// Records lie in the order of their sequence, in which they will be chained, and
// are listed in the order of their ids, which are made before the transaction
// and so may differ from it.
const (
	auditRecords = "audit"     // sequence → record; nothing is ever removed
	auditByID    = "audit_ids" // id → sequence
)

// AuditBuckets are the buckets a store with an audit log names in
// Options.Buckets.
func AuditBuckets() []string { return []string{auditRecords, auditByID} }

// AuditLog is the audit log of a store inside a transaction.
type AuditLog struct {
	tx      *bolt.Tx
	records Table[audit.Record]
	ids     Unique
}

var (
	_ audit.Log    = (*AuditLog)(nil)
	_ audit.Reader = (*AuditLog)(nil)
)

// AuditIn returns the store's audit log inside a transaction.
func AuditIn(tx *bolt.Tx) *AuditLog {
	return &AuditLog{tx: tx, records: Table[audit.Record]{Bucket: auditRecords}, ids: Unique{Bucket: auditByID}}
}

// Append stores the record under the next sequence number.
func (l *AuditLog) Append(r audit.Record) error {
	if err := r.Validate(); err != nil {
		return err
	}
	if _, found, err := l.ids.Lookup(l.tx, r.ID); err != nil || found {
		return errors.Join(err, audit.ErrDuplicate)
	}
	b, err := bucket(l.tx, auditRecords)
	if err != nil {
		return err
	}
	// The number is rolled back with the transaction: no gaps.
	if r.Sequence, err = b.NextSequence(); err != nil {
		return fmt.Errorf("append audit record: %w", err)
	}
	key := Number(r.Sequence)
	if _, err := l.ids.Claim(l.tx, r.ID, key); err != nil {
		return err
	}
	return l.records.Put(l.tx, key, r)
}

// List returns one page of records.
func (l *AuditLog) List(p audit.Page) ([]audit.Record, error) {
	ids, err := bucket(l.tx, auditByID)
	if err != nil {
		return nil, err
	}
	var records []audit.Record
	page := Range{After: p.After, Limit: p.Size(), Descending: p.NewestFirst}
	err = walk(ids, page, func(id, key []byte) error {
		r, found, err := l.records.Get(l.tx, string(key))
		if err == nil && !found {
			err = fmt.Errorf("audit record %s is missing though the index names it: restore a backup", id)
		}
		records = append(records, r)
		return err
	})
	return records, err
}
