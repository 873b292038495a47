package boltstore

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/store"
)

var (
	decisionTable = boltdb.Table[decision.Record]{Bucket: "decisions"}
	// decisionsByUser has no values: its keys are a user and a decision, so that a page is read from its end.
	decisionsByUser = boltdb.Table[struct{}]{Bucket: "decisions_by_user"}
	// decisionCount is how many there are, under one key: counting them would read the whole file.
	decisionCount = boltdb.Table[int]{Bucket: "decisions_count"}
)

const countKey = "decisions"

type decisions struct{ tx *bolt.Tx }

var _ store.Decisions = decisions{}

func (d decisions) Add(records ...decision.Record) error {
	count, _, err := decisionCount.Get(d.tx, countKey)
	if err != nil {
		return err
	}
	for _, r := range records {
		fresh, err := d.add(r)
		if err != nil {
			return err
		}
		if fresh {
			count++
		}
	}
	return decisionCount.Put(d.tx, countKey, count)
}

// add reports whether there was no such record before.
func (d decisions) add(r decision.Record) (fresh bool, err error) {
	old, found, err := decisionTable.Get(d.tx, r.ID)
	if err != nil {
		return false, err
	}
	if found && old.UserID != r.UserID {
		if err := d.unlist(old); err != nil {
			return false, err
		}
	}
	if r.UserID != "" {
		if err := decisionsByUser.Put(d.tx, boltdb.Key(r.UserID, r.ID), struct{}{}); err != nil {
			return false, err
		}
	}
	return !found, decisionTable.Put(d.tx, r.ID, r)
}

func (d decisions) unlist(r decision.Record) error {
	if r.UserID == "" {
		return nil
	}
	return decisionsByUser.Delete(d.tx, boltdb.Key(r.UserID, r.ID))
}

func (d decisions) Get(id string) (decision.Record, bool, error) {
	return decisionTable.Get(d.tx, id)
}

func (d decisions) List(p store.Page) ([]decision.Record, error) {
	if p.UserID != "" {
		return d.listOfUser(p)
	}
	items, err := decisionTable.Scan(d.tx, boltdb.Range{After: p.Before, Limit: p.Limit, Descending: true})
	if err != nil {
		return nil, err
	}
	records := make([]decision.Record, len(items))
	for i, item := range items {
		records[i] = item.Value
	}
	return records, nil
}

func (d decisions) listOfUser(p store.Page) ([]decision.Record, error) {
	prefix := boltdb.Key(p.UserID)
	page := boltdb.Range{Prefix: prefix, Limit: p.Limit, Descending: true}
	if p.Before != "" {
		page.After = boltdb.Key(p.UserID, p.Before)
	}
	items, err := decisionsByUser.Scan(d.tx, page)
	if err != nil {
		return nil, err
	}
	records := make([]decision.Record, 0, len(items))
	for _, item := range items {
		// What follows the user in the key is the id and the mark that ends it.
		id := item.Key[len(prefix) : len(item.Key)-len(boltdb.Key(""))]
		r, found, err := decisionTable.Get(d.tx, id)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, fmt.Errorf("decision %s is missing though the index names it: restore a backup", id)
		}
		records = append(records, r)
	}
	return records, nil
}

// Trim reads one record at a time: most often the oldest one stays, and nothing else has to be decoded.
func (d decisions) Trim(before time.Time, keep, limit int) (int, error) {
	count, _, err := decisionCount.Get(d.tx, countKey)
	if err != nil {
		return 0, err
	}
	trimmed := 0
	for ; trimmed < limit; trimmed++ {
		oldest, err := decisionTable.Scan(d.tx, boltdb.Range{Limit: 1})
		if err != nil {
			return 0, err
		}
		if len(oldest) == 0 || !due(oldest[0].Key, before) && count-trimmed <= keep {
			break
		}
		if err := d.delete(oldest[0].Value); err != nil {
			return 0, err
		}
	}
	if trimmed == 0 {
		return 0, nil
	}
	return trimmed, decisionCount.Put(d.tx, countKey, count-trimmed)
}

// due reports whether a decision was made before a moment. A key that is no id is due: nothing else would ever delete it.
func due(key string, before time.Time) bool {
	made, ok := id.Time(key)
	return !ok || made.Before(before)
}

func (d decisions) delete(r decision.Record) error {
	if err := d.unlist(r); err != nil {
		return err
	}
	return decisionTable.Delete(d.tx, r.ID)
}
