package flow

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Users shows operators the accounts, and lets them lock, ban and mark.
type Users struct{ Deps }

// NewUsers puts the use cases together.
func NewUsers(d Deps) *Users { return &Users{d} }

// List is a page of the accounts, oldest first, and where the next page begins.
func (f *Users) List(ctx context.Context, after string, limit int) (page []account.User, next string, err error) {
	now := f.Now()
	err = f.Store.View(ctx, func(tx store.Tx) (err error) {
		page, err = tx.Users.List(after, limit+1)
		for i := range page {
			page[i].DropLapsedLock(now)
		}
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list users: %w", err)
	}
	page, next = cut(page, limit, func(u account.User) string { return u.ID })
	return page, next, nil
}

// Get is one account.
func (f *Users) Get(ctx context.Context, w Whose) (account.User, error) {
	now := f.Now()
	var user account.User
	err := f.Store.View(ctx, func(tx store.Tx) (err error) {
		user, err = w.find(tx)
		user.DropLapsedLock(now)
		return err
	})
	if err != nil {
		return account.User{}, fmt.Errorf("get user: %w", err)
	}
	return user, nil
}
