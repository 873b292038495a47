package flow

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Swept is a page of accounts, judged.
type Swept struct {
	// Judged is how many there were, and Next where the next page begins.
	Judged int
	Next   string
	// Refused are those of whose addresses none may sign up.
	Refused []Unwelcome
}

// Unwelcome is such an account, with its first address and the rule that refuses that.
type Unwelcome struct {
	UserID, Email string
	Rule          restriction.Rule
}

// Judge applies the rules about addresses to a page of the accounts that exist, and changes nothing.
func (f *Restrictions) Judge(ctx context.Context, after string, limit int) (Swept, error) {
	index, err := f.Lists.Index(ctx)
	if err != nil {
		return Swept{}, err
	}
	now := door{rules: f.Policy(ctx).Restrictions(), index: index}
	var users []account.User
	err = f.Store.View(ctx, func(tx store.Tx) (err error) {
		users, err = tx.Users.List(after, limit+1)
		return err
	})
	if err != nil {
		return Swept{}, fmt.Errorf("judge users: %w", err)
	}
	var swept Swept
	users, swept.Next = cut(users, limit, func(u account.User) string { return u.ID })
	swept.Judged = len(users)
	for i := range users {
		if found, refused := now.unwelcome(&users[i]); refused {
			swept.Refused = append(swept.Refused, found)
		}
	}
	return swept, nil
}

// unwelcome says whether none of an account's addresses may sign up, those included that were imported unproved. One that may keeps the account, and so does having no address.
func (d door) unwelcome(user *account.User) (found Unwelcome, refused bool) {
	if user.Banned() {
		return Unwelcome{}, false
	}
	for _, e := range user.Emails {
		if !e.Names() {
			continue
		}
		judgement := restriction.Judge(restriction.Subject{Email: e.Address, AddressOnly: true, Invited: true}, d.rules, d.index)
		if judgement.Allowed {
			return Unwelcome{}, false
		}
		if !refused {
			found, refused = Unwelcome{UserID: user.ID, Email: e.Address, Rule: judgement.Reason}, true
		}
	}
	return found, refused
}
