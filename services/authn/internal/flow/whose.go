package flow

import (
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Whose names a user by one of the three.
type Whose struct {
	UserID, Email, ExternalID string
}

// find is the user who is named.
func (w Whose) find(tx store.Tx) (account.User, error) {
	if w.UserID != "" {
		return foundUser(tx.Users.Get(w.UserID))
	}
	if w.ExternalID != "" {
		return foundUser(tx.Users.ByExternalID(w.ExternalID))
	}
	canonical, ok := account.Canonical(w.Email)
	if !ok {
		return account.User{}, errEmail
	}
	return foundUser(tx.Users.ByEmail(canonical))
}

// foundUser makes a failure of what isn't there.
func foundUser(user account.User, found bool, err error) (account.User, error) {
	if err == nil && !found {
		err = errNotFound
	}
	return user, err
}

// cut makes a page of records of which one more than limit was asked for, and the mark of its last one, after which the next page begins; empty when there is
// no other page.
func cut[T any](records []T, limit int, mark func(T) string) (page []T, next string) {
	if len(records) <= limit {
		return records, ""
	}
	if limit <= 0 {
		return nil, ""
	}
	return records[:limit], mark(records[limit-1])
}
