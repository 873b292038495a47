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
	return listed(k.tx, signingKeyTable, "", all)
}

func (k signingKeys) Put(key token.SigningKey) error { return signingKeyTable.Put(k.tx, key.ID, key) }

func (k signingKeys) Delete(id string) error { return signingKeyTable.Delete(k.tx, id) }
