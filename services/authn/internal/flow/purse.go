package flow

import (
	"errors"
	"time"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// purse is what a code of an attempt is paid from: the keys of its budgets, and the rules that hold for them.
type purse struct {
	who     quota.Who
	address [32]byte
	// shared are the budgets of many: none for a known device.
	shared []sharedBudget
	rules  quota.Rules
	now    time.Time
	// solved says that a challenge was, for this code.
	solved bool
}

// sharedBudget is where the budget of a place is kept.
type sharedBudget struct {
	quota.Place

	key [32]byte
}

// purse finds the budgets that package quota says. It is the same for addresses that belong to nobody.
func (f *Attempts) purse(t try, address string) (purse, error) {
	recipient, ok := recipientOf(t.Attempt.Purpose, address, t.rules)
	if !ok {
		return purse{}, errors.New("the code's address can't be read")
	}
	who := t.asks()
	use := "email_code." + string(t.Attempt.Purpose) + "." + string(who)
	p := purse{who: who, address: f.Secrets.budgetKey(recipient, use+".address"), rules: t.rules.Codes(), now: t.now}
	if who == quota.Known {
		return p, nil
	}
	for _, place := range quota.Places(t.ticket.Client.IP) {
		p.shared = append(p.shared, sharedBudget{Place: place, key: f.Secrets.budgetKey(place.Name, use+"."+string(place.Scope))})
	}
	return p, nil
}

// asks says in whose budgets a code counts. Who signs up is a stranger on every device: a sign-up is nobody's until it is done.
func (t try) asks() quota.Who {
	if t.known && t.Attempt.Purpose != attempt.SignUp {
		return quota.Known
	}
	return quota.Strangers
}

// recipientOf is what shares a budget. Who signs up names any spelling of a mailbox, so all that are known to reach it are one; should the rules take two
// mailboxes for one, their owners share what anybody could use up who names either. A sign-in's codes go to the account's own address, which counts as it is:
// no rule about tags can have one account use up another's.
func recipientOf(purpose attempt.Purpose, address string, rules tuning.Policy) (string, bool) {
	if purpose != attempt.SignUp {
		return account.Canonical(address)
	}
	read, ok := rules.Restrictions().Address(address)
	if !ok {
		return "", false
	}
	return read.Mailbox(), true
}

// spend takes a code out of the purse, or says what refuses it.
func (p purse) spend(tx store.Tx) (quota.Verdict, error) {
	codes, err := p.open(tx)
	if err != nil {
		return quota.Verdict{}, err
	}
	verdict := codes.Send(p.who, p.rules, p.solved, p.now)
	if !verdict.Sent() {
		return verdict, nil
	}
	return verdict, p.keep(tx, codes)
}

// open reads the budgets.
func (p purse) open(tx store.Tx) (codes quota.Codes, err error) {
	if codes.Address, err = tx.Budgets.Get(p.address); err != nil {
		return quota.Codes{}, err
	}
	for _, shared := range p.shared {
		budget, err := tx.Budgets.Get(shared.key)
		if err != nil {
			return quota.Codes{}, err
		}
		codes.Shared = append(codes.Shared, quota.Shared{Scope: shared.Scope, Budget: budget})
	}
	return codes, nil
}

// keep writes what open has read, after a code was taken out of it.
func (p purse) keep(tx store.Tx, codes quota.Codes) error {
	if err := tx.Budgets.Put(p.address, codes.Address, p.rules.Until(&codes.Address)); err != nil {
		return err
	}
	for i, shared := range codes.Shared {
		if err := tx.Budgets.Put(p.shared[i].key, shared.Budget, shared.Budget.EmptyAfter(p.rules.Of(shared.Scope))); err != nil {
			return err
		}
	}
	return nil
}

// tooManyCodes is what the caller is told of a code that isn't sent, and nil of one that is.
func tooManyCodes(v quota.Verdict) error {
	switch v.Bound {
	case "":
		return nil
	case quota.Day:
		return errCodesExhausted.With("of", "address").RetryIn(v.RetryIn)
	case quota.NetworkDay, quota.SiteHour, quota.ProviderHour:
		return errCodesExhausted.With("of", "network").RetryIn(v.RetryIn)
	case quota.DeploymentHour:
		return errCodesSpent.RetryIn(v.RetryIn)
	default:
		return errCodeTooSoon.RetryIn(v.RetryIn)
	}
}
