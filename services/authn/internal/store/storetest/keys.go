package storetest

import (
	"testing"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

func putApp(tx store.Tx, a application.Application) error { return tx.Applications.Put(a) }

func putKey(tx store.Tx, k application.Key) error { return tx.Applications.PutKey(k) }

func appByID(id string) lookup[application.Application] {
	return func(tx store.Tx) (application.Application, bool, error) { return tx.Applications.Get(id) }
}

func appByName(name string) lookup[application.Application] {
	return func(tx store.Tx) (application.Application, bool, error) { return tx.Applications.ByName(name) }
}

func keyByID(id string) lookup[application.Key] {
	return func(tx store.Tx) (application.Key, bool, error) { return tx.Applications.Key(id) }
}

func keyBySecret(d secret.Digest) lookup[application.Key] {
	return func(tx store.Tx) (application.Key, bool, error) { return tx.Applications.KeyBySecret(d) }
}

func applicationTests() []test {
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			puts(t, s, putApp, app(1), app(2))
			puts(t, s, putKey, apiKey(1), apiKey(2))
			wantFound(t, s, "an application", appByID(app(1).ID), app(1))
			wantFound(t, s, "an application by name", appByName(app(2).Name), app(2))
			wantFound(t, s, "a key", keyByID(apiKey(1).ID), apiKey(1))
			wantFound(t, s, "a revoked key by its secret", keyBySecret(apiKey(2).Secret), apiKey(2))
			wantAbsent(t, s, "an unknown application", appByID(ident("app", 3)))
			wantAbsent(t, s, "an unknown name", appByName("notes"))
			wantAbsent(t, s, "an unknown key", keyByID(ident("key", 3)))
			wantAbsent(t, s, "an unknown secret", keyBySecret(digest("key", 3)))
		}},
		{"ListIsByName", func(t *testing.T, s store.Store) {
			list := func(after string, limit int) func(store.Tx) ([]application.Application, error) {
				return func(tx store.Tx) ([]application.Application, error) { return tx.Applications.List(after, limit) }
			}
			named := func(n int, name string) application.Application {
				a := app(n)
				a.Name = name
				return a
			}
			wantList(t, s, "none", list("", 10))
			wiki, blog, shop := named(1, "wiki"), named(2, "blog"), named(3, "shop")
			puts(t, s, putApp, wiki, named(2, "zoo"), shop, blog)
			wantList(t, s, "all", list("", 10), blog, shop, wiki)
			wantList(t, s, "the first two", list("", 2), blog, shop)
			wantList(t, s, "after the first", list("blog", 10), shop, wiki)
			wantList(t, s, "after a name that nothing has", list("show", 10), wiki)
			wantList(t, s, "after the last", list("wiki", 10))
			wantList(t, s, "none asked for", list("", 0))
		}},
		{"KeysAreThoseOfAllOldestFirst", func(t *testing.T, s store.Store) {
			list := func(tx store.Tx) ([]application.Key, error) { return tx.Applications.Keys() }
			wantList(t, s, "none", list)
			changed := apiKey(1)
			changed.ExpiresAt = at(99)
			puts(t, s, putKey, apiKey(3), apiKey(1), apiKey(2), changed)
			wantList(t, s, "three", list, changed, apiKey(2), apiKey(3))
		}},
		{"ARenamedApplicationFreesItsName", func(t *testing.T, s store.Store) {
			renamed, heir := app(1), app(2)
			renamed.Name, heir.Name = "other", app(1).Name
			puts(t, s, putApp, app(1), renamed, heir)
			wantFound(t, s, "the new name", appByName("other"), renamed)
			wantFound(t, s, "the old name", appByName(app(1).Name), heir)
		}},
		{"ANameHasOneApplication", func(t *testing.T, s store.Store) {
			double := app(2)
			double.Name = app(1).Name
			puts(t, s, putApp, app(1))
			if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Applications.Put(double) }); err == nil {
				t.Error("a second application took the name")
			}
			wantFound(t, s, "the name", appByName(app(1).Name), app(1))
		}},
		{"ASecretHasOneKey", func(t *testing.T, s store.Store) {
			double := apiKey(2)
			double.Secret = apiKey(1).Secret
			puts(t, s, putKey, apiKey(1))
			if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Applications.PutKey(double) }); err == nil {
				t.Error("a second key took the secret")
			}
			wantFound(t, s, "the secret", keyBySecret(apiKey(1).Secret), apiKey(1))
		}},
		{"AnAbsentSecretFindsNothing", func(t *testing.T, s store.Store) {
			bare := apiKey(1)
			bare.Secret = secret.Digest{}
			puts(t, s, putKey, apiKey(1), bare)
			wantAbsent(t, s, "no secret", keyBySecret(secret.Digest{}))
			wantAbsent(t, s, "the secret that it had", keyBySecret(apiKey(1).Secret))
		}},
	}
}

func signingKeyTests() []test {
	put := func(tx store.Tx, k token.SigningKey) error { return tx.SigningKeys.Put(k) }
	list := func(tx store.Tx) ([]token.SigningKey, error) { return tx.SigningKeys.List() }
	return []test{
		{"ListIsAllOldestFirst", func(t *testing.T, s store.Store) {
			wantList(t, s, "none", list)
			changed := signingKey(1)
			changed.SignsFrom = at(99)
			puts(t, s, put, signingKey(3), signingKey(1), signingKey(2), changed)
			wantList(t, s, "three", list, changed, signingKey(2), signingKey(3))
		}},
		{"DeletedIsGone", func(t *testing.T, s store.Store) {
			puts(t, s, put, signingKey(1), signingKey(2))
			remove := func(tx store.Tx, id string) error { return tx.SigningKeys.Delete(id) }
			puts(t, s, remove, signingKey(1).ID, signingKey(1).ID)
			wantList(t, s, "one", list, signingKey(2))
		}},
	}
}

func alertTests() []test {
	put := func(tx store.Tx, a containment.Alert) error { return tx.Alerts.Put(a) }
	get := func(id string) lookup[containment.Alert] {
		return func(tx store.Tx) (containment.Alert, bool, error) { return tx.Alerts.Get(id) }
	}
	clean := func(minute, limit int) func(store.Tx) (int, error) {
		return func(tx store.Tx) (int, error) { return tx.Alerts.DeleteBefore(at(minute), limit) }
	}
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			open := alert(2)
			open.Result = nil
			puts(t, s, put, alert(1), open)
			wantFound(t, s, "a contained one", get(alert(1).EventID), alert(1))
			wantFound(t, s, "an open one", get(open.EventID), open)
			wantAbsent(t, s, "an unknown one", get(ident("evt", 3)))
		}},
		{"DeleteBeforeTakesTheEarliestUpToItsLimit", func(t *testing.T, s store.Store) {
			puts(t, s, put, alert(3), alert(1), alert(2))
			wantDeleted(t, s, clean(1, 10), 0)
			wantDeleted(t, s, clean(4, 0), 0)
			wantDeleted(t, s, clean(4, 2), 2)
			wantAbsent(t, s, "the second", get(ident("evt", 2)))
			wantFound(t, s, "the third", get(ident("evt", 3)), alert(3))
			wantDeleted(t, s, clean(4, 2), 1)
		}},
	}
}
