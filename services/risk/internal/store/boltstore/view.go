package boltstore

import (
	"fmt"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store"
)

var (
	historyTable = boltdb.Table[history.History]{Bucket: "histories"}
	cursorTable  = boltdb.Table[history.Cursor]{Bucket: "cursors"}
)

type histories struct{ tx *bolt.Tx }

var _ store.Histories = histories{}

func (h histories) Get(userID string) (history.History, error) {
	value, _, err := historyTable.Get(h.tx, userID)
	return value, err
}

func (h histories) Put(userID string, value history.History) error {
	return historyTable.Put(h.tx, userID, value)
}

func (h histories) Clear() error {
	name := []byte(historyTable.Bucket)
	if err := h.tx.DeleteBucket(name); err != nil {
		return fmt.Errorf("clear %s: %w", historyTable.Bucket, err)
	}
	if _, err := h.tx.CreateBucket(name); err != nil {
		return fmt.Errorf("clear %s: %w", historyTable.Bucket, err)
	}
	return nil
}

type cursors struct{ tx *bolt.Tx }

var _ store.Cursors = cursors{}

func (c cursors) Get(stream string) (history.Cursor, error) {
	value, _, err := cursorTable.Get(c.tx, stream)
	return value, err
}

func (c cursors) Put(stream string, value history.Cursor) error {
	return cursorTable.Put(c.tx, stream, value)
}
