package boltdb

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/policy"
)

const policyBucket = "policy" // version → record; nothing is ever removed

// PolicyBuckets are the buckets a store with a policy names in Options.Buckets.
func PolicyBuckets() []string { return []string{policyBucket} }

// PolicyIn returns the policy records of the store inside a transaction.
func PolicyIn(tx *bolt.Tx) policy.Records {
	return policyRecords{tx: tx, records: Table[policy.Record]{Bucket: policyBucket}}
}

type policyRecords struct {
	tx      *bolt.Tx
	records Table[policy.Record]
}

// Current returns the last record.
func (p policyRecords) Current() (policy.Record, bool, error) {
	last, err := p.records.Scan(p.tx, Range{Limit: 1, Descending: true})
	if err != nil || len(last) == 0 {
		return policy.Record{}, false, err
	}
	return last[0].Value, true, nil
}

// Append adds the record that follows the last one.
func (p policyRecords) Append(r policy.Record) error {
	current, _, err := p.Current()
	if err != nil {
		return err
	}
	if r.Version != current.Version+1 {
		return fmt.Errorf("append policy version %d after %d: %w", r.Version, current.Version, policy.ErrConflict)
	}
	return p.records.Put(p.tx, Number(r.Version), r)
}
