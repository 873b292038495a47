package boltstore

import (
	"slices"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	userByEmail    = boltdb.Unique{Bucket: "users_by_email"}
	usersByMailbox = boltdb.Multi{Bucket: "users_by_mailbox"}
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
	claims := claimed(user)
	if err := u.free(claims, user.ID); err != nil {
		return err
	}
	for canonical := range claimed(old) {
		if claims[canonical] {
			continue
		}
		if err := userByEmail.Release(u.tx, canonical, user.ID); err != nil {
			return err
		}
	}
	for canonical := range claims {
		if _, err := userByEmail.Claim(u.tx, canonical, user.ID); err != nil {
			return err
		}
	}
	if err := u.moveMailboxes(user.ID, mailboxes(claimed(old)), mailboxes(claims)); err != nil {
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

// mailboxes are the keys under which the addresses are filed.
func mailboxes(addresses map[string]bool) map[string]bool {
	keys := make(map[string]bool, len(addresses))
	for canonical := range addresses {
		for _, key := range restriction.FiledUnder(canonical) {
			keys[key] = true
		}
	}
	return keys
}

// free looks at all addresses before the first is claimed, so that a refusal has written nothing.
func (u users) free(claims map[string]bool, userID string) error {
	for canonical := range claims {
		holder, held, err := userByEmail.Lookup(u.tx, canonical)
		switch {
		case err != nil:
			return err
		case held && holder != userID:
			return store.ErrEmailTaken
		}
	}
	return nil
}

// claimed are the addresses that name a user and nobody else: present and verified.
func claimed(user account.User) map[string]bool {
	claims := make(map[string]bool, len(user.Emails))
	for _, e := range user.Emails {
		if e.RemovedAt.IsZero() && !e.VerifiedAt.IsZero() {
			claims[e.Canonical] = true
		}
	}
	return claims
}
