package boltstore

import (
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// specimenTable has them by their kinds.
var specimenTable = boltdb.Table[credential.Specimen]{Bucket: "password_specimens"}

type specimens struct{ tx *bolt.Tx }

var _ store.Specimens = specimens{}

func (s specimens) List() ([]credential.Specimen, error) { return listed(s.tx, specimenTable, "", all) }

func (s specimens) Put(specimen credential.Specimen) error {
	return specimenTable.Put(s.tx, specimen.Kind, specimen)
}
