package flow

import (
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Whose names a user by one of the two.
type Whose struct {
	UserID, Email string
}

// find is the user who is named.
func (w Whose) find(tx store.Tx) (account.User, error) {
	if w.UserID != "" {
		return foundUser(tx.Users.Get(w.UserID))
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

// nextOf is the mark of a page's last record, after which the next page begins; empty when the page wasn't full.
func nextOf[T any](page []T, limit int, mark func(T) string) string {
	if len(page) == 0 || len(page) < limit {
		return ""
	}
	return mark(page[len(page)-1])
}
