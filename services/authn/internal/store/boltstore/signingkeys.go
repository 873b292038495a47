package boltstore

import (
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

var signingKeyTable = boltdb.Table[token.SigningKey]{Bucket: "signing_keys"}

type signingKeys struct{ tx *bolt.Tx }

var _ store.SigningKeys = signingKeys{}

func (k signingKeys) List() ([]token.SigningKey, error) {
	items, err := signingKeyTable.Scan(k.tx, boltdb.Range{})
	if err != nil {
		return nil, err
	}
	keys := make([]token.SigningKey, len(items))
	for i, item := range items {
		keys[i] = item.Value
	}
	return keys, nil
}

func (k signingKeys) Put(key token.SigningKey) error { return signingKeyTable.Put(k.tx, key.ID, key) }

func (k signingKeys) Delete(id string) error { return signingKeyTable.Delete(k.tx, id) }
