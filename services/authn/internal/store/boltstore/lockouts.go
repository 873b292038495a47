package boltstore

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// lockoutRecord is a record with its key and with the moment from which it may be deleted.
type lockoutRecord struct {
	Key    secret.Digest
	Record lockout.Record
	Until  time.Time
}

var (
	lockoutsByExpiry = boltdb.Multi{Bucket: "lockouts_by_expiry"}

	lockoutSet = set[lockoutRecord]{
		table: boltdb.Table[lockoutRecord]{Bucket: "lockouts"},
		key:   func(r lockoutRecord) string { return string(r.Key[:]) },
		lists: []list[lockoutRecord]{
			{lockoutsByExpiry, func(r lockoutRecord) string { return moment(r.Until) }},
		},
	}
)

type lockouts struct{ tx *bolt.Tx }

var _ store.Lockouts = lockouts{}

func (l lockouts) Get(key [32]byte) (lockout.Record, error) {
	kept, _, err := lockoutSet.table.Get(l.tx, string(key[:]))
	return kept.Record, err
}

func (l lockouts) Put(key [32]byte, r lockout.Record, until time.Time) error {
	if r.IsClean() {
		return lockoutSet.delete(l.tx, string(key[:]))
	}
	return lockoutSet.put(l.tx, lockoutRecord{Key: key, Record: r, Until: until})
}

func (l lockouts) DeleteExpired(t time.Time, limit int) (int, error) {
	return lockoutSet.deleteBefore(l.tx, lockoutsByExpiry, t, limit)
}
