package boltstore

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// attemptRecord is an attempt as stored: its keyed hashes are hex instead of lists of numbers. JSON sees these two fields and not those
// of the same name in the attempt within.
type attemptRecord struct {
	attempt.Attempt
	AccountKey secret.Digest
	Codes      []codeRecord
}

type codeRecord struct {
	MAC       secret.Digest
	ExpiresAt time.Time
}

var (
	attemptsByKey    = boltdb.Multi{Bucket: "attempts_by_account_key"}
	attemptsByExpiry = boltdb.Multi{Bucket: "attempts_by_expiry"}

	attemptSet = set[attemptRecord]{
		table: boltdb.Table[attemptRecord]{Bucket: "attempts"},
		key:   func(r attemptRecord) string { return r.ID },
		lists: []list[attemptRecord]{
			{attemptsByKey, func(r attemptRecord) string { return string(r.AccountKey[:]) }},
			{attemptsByExpiry, func(r attemptRecord) string { return moment(r.ExpiresAt) }},
		},
	}
)

type attempts struct{ tx *bolt.Tx }

var _ store.Attempts = attempts{}

func (a attempts) Get(id string) (attempt.Attempt, bool, error) {
	record, found, err := attemptSet.table.Get(a.tx, id)
	return record.read(), found, err
}

func (a attempts) Put(value attempt.Attempt) error { return attemptSet.put(a.tx, recordOf(value)) }

func (a attempts) Delete(id string) error { return attemptSet.delete(a.tx, id) }

func (a attempts) OfIdentifier(accountKey [32]byte, limit int) ([]attempt.Attempt, error) {
	ids, err := idsUnder(a.tx, attemptsByKey, string(accountKey[:]), limit)
	if err != nil {
		return nil, err
	}
	return a.fetch(ids)
}

func (a attempts) Expired(t time.Time, limit int) ([]attempt.Attempt, error) {
	ids, err := before(a.tx, attemptsByExpiry, t, limit)
	if err != nil {
		return nil, err
	}
	return a.fetch(ids)
}

func (a attempts) fetch(ids []string) ([]attempt.Attempt, error) {
	records, err := attemptSet.fetch(a.tx, ids)
	if err != nil {
		return nil, err
	}
	values := make([]attempt.Attempt, len(records))
	for i, r := range records {
		values[i] = r.read()
	}
	return values, nil
}

func recordOf(a attempt.Attempt) attemptRecord {
	r := attemptRecord{Attempt: a, AccountKey: a.AccountKey}
	for _, c := range a.Codes {
		r.Codes = append(r.Codes, codeRecord{MAC: c.MAC, ExpiresAt: c.ExpiresAt})
	}
	return r
}

func (r attemptRecord) read() attempt.Attempt {
	a := r.Attempt
	a.AccountKey = r.AccountKey
	for _, c := range r.Codes {
		a.Codes = append(a.Codes, attempt.Code{MAC: c.MAC, ExpiresAt: c.ExpiresAt})
	}
	return a
}
