package boltdb_test

import (
	"context"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/policy/policytest"
)

// policyStore and auditStore are stores as the suites of the roles want them.
type (
	policyStore struct{ db *boltdb.DB }
	auditStore  struct{ db *boltdb.DB }
)

func (s policyStore) Update(ctx context.Context, fn func(policy.Records) error) error {
	return s.db.Update(ctx, func(tx *bolt.Tx) error { return fn(boltdb.PolicyIn(tx)) })
}

func (s policyStore) View(ctx context.Context, fn func(policy.Records) error) error {
	return s.db.View(ctx, func(tx *bolt.Tx) error { return fn(boltdb.PolicyIn(tx)) })
}

func (s auditStore) Update(ctx context.Context, fn func(audit.Log) error) error {
	return s.db.Update(ctx, func(tx *bolt.Tx) error { return fn(boltdb.AuditIn(tx)) })
}

func (s auditStore) View(ctx context.Context, fn func(audit.Reader) error) error {
	return s.db.View(ctx, func(tx *bolt.Tx) error { return fn(boltdb.AuditIn(tx)) })
}

func TestPolicyRecordsKeepTheContract(t *testing.T) {
	policytest.Run(t, func(t *testing.T) policytest.Store {
		return policyStore{boltdbtest.Open(t, boltdb.Options{Buckets: boltdb.PolicyBuckets()})}
	})
}

func TestAuditLogKeepsTheContract(t *testing.T) {
	audittest.Run(t, func(t *testing.T) audittest.Store {
		return auditStore{boltdbtest.Open(t, boltdb.Options{Buckets: boltdb.AuditBuckets()})}
	})
}
