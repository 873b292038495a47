package boltstore

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// budgetRecord is a budget with its key and with the moment from which it may be deleted.
type budgetRecord struct {
	Key    secret.Digest
	Budget quota.Budget
	Until  time.Time
}

var (
	budgetsByExpiry = boltdb.Multi{Bucket: "budgets_by_expiry"}

	budgetSet = set[budgetRecord]{
		table: boltdb.Table[budgetRecord]{Bucket: "budgets"},
		key:   func(r budgetRecord) string { return string(r.Key[:]) },
		lists: []list[budgetRecord]{
			{budgetsByExpiry, func(r budgetRecord) string { return moment(r.Until) }},
		},
	}
)

type budgets struct{ tx *bolt.Tx }

var _ store.Budgets = budgets{}

func (b budgets) Get(key [32]byte) (quota.Budget, error) {
	record, _, err := budgetSet.table.Get(b.tx, string(key[:]))
	return record.Budget, err
}

func (b budgets) Put(key [32]byte, budget quota.Budget, until time.Time) error {
	if len(budget.Used) == 0 {
		return budgetSet.delete(b.tx, string(key[:]))
	}
	return budgetSet.put(b.tx, budgetRecord{Key: key, Budget: budget, Until: until})
}

func (b budgets) DeleteExpired(t time.Time, limit int) (int, error) {
	return budgetSet.deleteBefore(b.tx, budgetsByExpiry, t, limit)
}
