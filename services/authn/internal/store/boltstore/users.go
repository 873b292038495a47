package boltstore

import (
	"slices"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	userByEmail      = boltdb.Unique{Bucket: "users_by_email"}
	userByExternalID = boltdb.Unique{Bucket: "users_by_external_id"}
	userByImport     = boltdb.Unique{Bucket: "users_by_import"}
	usersByMailbox   = boltdb.Multi{Bucket: "users_by_mailbox"}
)

// newUserTable is a store's own, because what it remembers is of one file.
func newUserTable() table[account.User] {
	return boltdb.NewCached(boltdb.Table[account.User]{Bucket: "users"}, remembered, cloneUser)
}

func cloneUser(u account.User) account.User {
	u.Emails = slices.Clone(u.Emails)
	if u.Password != nil {
		password := *u.Password
		u.Password = &password
	}
	if u.Lock != nil {
		lock := *u.Lock
		u.Lock = &lock
	}
	if u.Import != nil {
		imported := *u.Import
		u.Import = &imported
	}
	return u
}

type users struct{ *scope }

var _ store.Users = users{}

func (u users) Get(id string) (account.User, bool, error) { return u.store.users.Get(u.tx, id) }

func (u users) ByEmail(canonical string) (account.User, bool, error) {
	return find(u.tx, userByEmail, u.store.users, canonical)
}

func (u users) OwnerOf(canonical string) (string, bool, error) {
	return userByEmail.Lookup(u.tx, canonical)
}

func (u users) ByExternalID(externalID string) (account.User, bool, error) {
	return find(u.tx, userByExternalID, u.store.users, externalID)
}

func (u users) ByImport(row secret.Digest) (account.User, bool, error) {
	return find(u.tx, userByImport, u.store.users, string(row[:]))
}

func (u users) ByMailbox(key string, limit int) ([]account.User, error) {
	ids, err := idsUnder(u.tx, usersByMailbox, key, limit)
	if err != nil {
		return nil, err
	}
	return set[account.User]{table: u.store.users}.fetch(u.tx, ids)
}

func (u users) List(after string, limit int) ([]account.User, error) {
	return listed(u.tx, u.store.users, after, limit)
}

func (u users) Count() (int, error) { return boltdb.Count(u.tx, u.store.users.Name()) }

func (u users) Put(user account.User) error {
	old, _, err := u.store.users.Get(u.tx, user.ID)
	if err != nil {
		return err
	}
	claims := claimsOf(user)
	if err := u.free(claims, user.ID); err != nil {
		return err
	}
	for _, c := range claimsOf(old) {
		if slices.Contains(claims, c) {
			continue
		}
		if err := c.in.Release(u.tx, c.value, user.ID); err != nil {
			return err
		}
	}
	for _, c := range claims {
		if _, err := c.in.Claim(u.tx, c.value, user.ID); err != nil {
			return err
		}
	}
	if err := u.moveMailboxes(user.ID, mailboxes(old), mailboxes(user)); err != nil {
		return err
	}
	return u.store.users.Put(u.tx, user.ID, user)
}

// moveMailboxes keeps usersByMailbox in step.
func (u users) moveMailboxes(userID string, were, are map[string]bool) error {
	for key := range were {
		if are[key] {
			continue
		}
		if err := usersByMailbox.Remove(u.tx, key, userID); err != nil {
			return err
		}
	}
	for key := range are {
		if were[key] {
			continue
		}
		if err := usersByMailbox.Add(u.tx, key, userID); err != nil {
			return err
		}
	}
	return nil
}

// mailboxes are the keys under which the addresses that name a user are filed.
func mailboxes(user account.User) map[string]bool {
	keys := make(map[string]bool, len(user.Emails))
	for _, e := range user.Emails {
		if !e.Names() {
			continue
		}
		for _, key := range restriction.FiledUnder(e.Canonical) {
			keys[key] = true
		}
	}
	return keys
}

// claim is a value that names a user and nobody else, in the index where it does.
type claim struct {
	in    boltdb.Unique
	value string
}

// taken are the refusals of claims.
var taken = map[boltdb.Unique]error{
	userByEmail: store.ErrEmailTaken, userByExternalID: store.ErrExternalIDTaken, userByImport: store.ErrRowTaken,
}

// free looks at all claims before the first is made, so that a refusal has written nothing.
func (u users) free(claims []claim, userID string) error {
	for _, c := range claims {
		holder, held, err := c.in.Lookup(u.tx, c.value)
		switch {
		case err != nil:
			return err
		case held && holder != userID:
			return taken[c.in]
		}
	}
	return nil
}

func claimsOf(user account.User) []claim {
	var claims []claim
	for _, e := range user.Emails {
		if e.Names() {
			claims = append(claims, claim{userByEmail, e.Canonical})
		}
	}
	if user.ExternalID != "" {
		claims = append(claims, claim{userByExternalID, user.ExternalID})
	}
	if user.Import != nil {
		claims = append(claims, claim{userByImport, string(user.Import.Row[:])})
	}
	return claims
}
