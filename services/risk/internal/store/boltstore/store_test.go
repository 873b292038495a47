package boltstore_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/audit/audittest"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/policy/policytest"
	"github.com/doorward/doorward/services/risk/internal/store"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
	"github.com/doorward/doorward/services/risk/internal/store/storetest"
)

func openAt(t *testing.T, path string) *boltstore.Store {
	t.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close the store: %v", err)
		}
		boltdbtest.Check(t, path)
	})
	return s
}

func open(t *testing.T) *boltstore.Store { return openAt(t, filepath.Join(t.TempDir(), "risk.db")) }

func TestKeepsTheContract(t *testing.T) {
	storetest.Run(t, func(t *testing.T) store.Store { return open(t) })
}

func TestLosesNothingItAcknowledged(t *testing.T) {
	path := ""
	storetest.RunDurable(t,
		func(t *testing.T) store.Store {
			path = filepath.Join(t.TempDir(), "risk.db")
			return openAt(t, path)
		},
		func(t *testing.T, s store.Store) store.Store {
			if err := s.(*boltstore.Store).Close(); err != nil {
				t.Fatal(err)
			}
			return openAt(t, path)
		})
}

// policies and log are the store as the suites of the shared roles want it.
type (
	policies struct{ *boltstore.Store }
	log      struct{ *boltstore.Store }
)

func (s policies) Update(ctx context.Context, fn func(policy.Records) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return fn(tx.Policies) })
}

func (s policies) View(ctx context.Context, fn func(policy.Records) error) error {
	return s.Store.View(ctx, func(tx store.Tx) error { return fn(tx.Policies) })
}

func (s log) Update(ctx context.Context, fn func(audit.Log) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error { return fn(tx.Audit) })
}

func (s log) View(ctx context.Context, fn func(audit.Reader) error) error {
	return fn(reader(func(p audit.Page) ([]audit.Record, error) { return s.Audit(ctx, p) }))
}

// reader lists through the store's own method: operators' pages come from nowhere else.
type reader func(audit.Page) ([]audit.Record, error)

func (r reader) List(p audit.Page) ([]audit.Record, error) { return r(p) }

func TestPoliciesKeepTheContract(t *testing.T) {
	policytest.Run(t, func(t *testing.T) policytest.Store { return policies{open(t)} })
}

func TestAuditLogKeepsTheContract(t *testing.T) {
	audittest.Run(t, func(t *testing.T) audittest.Store { return log{open(t)} })
}
