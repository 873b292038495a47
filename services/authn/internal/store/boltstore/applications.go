package boltstore

import (
	"fmt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	applicationByName = boltdb.Unique{Bucket: "applications_by_name"}
	apiKeyTable       = boltdb.Table[application.Key]{Bucket: "api_keys"}
	apiKeyBySecret    = boltdb.Unique{Bucket: "api_keys_by_secret"}
)

// newApplicationTable is a store's own, because what it remembers is of one file.
func newApplicationTable() table[application.Application] {
	clone := func(a application.Application) application.Application { return a } // it shares nothing
	return boltdb.NewCached(boltdb.Table[application.Application]{Bucket: "applications"}, remembered, clone)
}

type applications struct{ *scope }

var _ store.Applications = applications{}

func (a applications) Get(id string) (application.Application, bool, error) {
	return a.store.applications.Get(a.tx, id)
}

func (a applications) ByName(name string) (application.Application, bool, error) {
	return find(a.tx, applicationByName, a.store.applications, name)
}

func (a applications) List(after string, limit int) ([]application.Application, error) {
	if limit <= 0 {
		return nil, nil
	}
	ids, err := applicationByName.IDs(a.tx, after, limit)
	if err != nil {
		return nil, err
	}
	apps := make([]application.Application, 0, len(ids))
	for _, id := range ids {
		app, found, err := a.store.applications.Get(a.tx, id)
		if err != nil {
			return nil, err
		}
		if !found {
			return nil, missing(a.store.applications.Name(), id)
		}
		apps = append(apps, app)
	}
	return apps, nil
}

func (a applications) Put(app application.Application) error {
	old, _, err := a.store.applications.Get(a.tx, app.ID)
	if err != nil {
		return err
	}
	if err := a.claim(applicationByName, old.Name, app.Name, app.ID); err != nil {
		return err
	}
	return a.store.applications.Put(a.tx, app.ID, app)
}

func (a applications) Key(id string) (application.Key, bool, error) { return apiKeyTable.Get(a.tx, id) }

func (a applications) KeyBySecret(digest secret.Digest) (application.Key, bool, error) {
	return find(a.tx, apiKeyBySecret, apiKeyTable, indexed(digest))
}

func (a applications) Keys() ([]application.Key, error) { return listed(a.tx, apiKeyTable, "", all) }

func (a applications) PutKey(key application.Key) error {
	old, _, err := apiKeyTable.Get(a.tx, key.ID)
	if err != nil {
		return err
	}
	if err := a.claim(apiKeyBySecret, indexed(old.Secret), indexed(key.Secret), key.ID); err != nil {
		return err
	}
	return apiKeyTable.Put(a.tx, key.ID, key)
}

// claim gives the value to id and frees the one that it had. Another holder is an error: callers look before they put, in the same
// transaction.
func (a applications) claim(in boltdb.Unique, was, is, id string) error {
	if was == is {
		return nil
	}
	if is != "" {
		holder, err := in.Claim(a.tx, is, id)
		if err != nil {
			return err
		}
		if holder != id {
			return fmt.Errorf("put %s: %s has the same entry in %s: choose another", id, holder, in.Bucket)
		}
	}
	if was == "" {
		return nil
	}
	return in.Release(a.tx, was, id)
}

// indexed is the form in which a digest is found. An absent one is found by nobody.
func indexed(digest secret.Digest) string {
	if digest.IsZero() {
		return ""
	}
	return string(digest[:])
}
