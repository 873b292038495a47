package flow

import (
	"context"
	"net/netip"
	"time"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// mailboxCandidates bounds the accounts that are looked at under one key of a mailbox. Nearly all that stand there have the mailbox, so the first is enough;
// a key with so many counts as taken.
const mailboxCandidates = 100

// door is who may sign up, at one moment.
type door struct {
	rules restriction.Rules
	index *restriction.Index
}

func (f *Attempts) door(ctx context.Context, rules tuning.Policy) (door, error) {
	index, err := f.Lists.Index(ctx)
	return door{rules: rules.Restrictions(), index: index}, err
}

// judge applies the rules of address, network and invitation, which know no accounts.
func (d door) judge(a attempt.Attempt, p pass, now time.Time) restriction.Judgement {
	s := subject(a)
	p.tell(&s, a.Canonical, now)
	return restriction.Judge(s, d.rules, d.index)
}

func subject(a attempt.Attempt) restriction.Subject {
	ip, err := netip.ParseAddr(a.Origin.IP)
	if err != nil {
		ip = netip.Addr{} // a rule refuses it
	}
	return restriction.Subject{Email: a.Address, IP: ip}
}

// holder is the account that has the mailbox of an attempt's address under another spelling, where the rules mind that. It is asked after judge, which has
// looked at the invitation.
func (d door) holder(tx store.Tx, a attempt.Attempt) (account.User, bool, error) {
	holder, found, err := holderOf(tx, a.Canonical, d.rules)
	if err != nil || !found {
		return account.User{}, false, err
	}
	s := subject(a)
	s.MailboxTaken, s.Invited = true, true
	return holder, !restriction.Judge(s, d.rules, d.index).Allowed, nil
}

// holderOf finds an account whose address isn't this one and reaches the same mailbox. It looks under all keys, whether it has found one or not, so that
// its time doesn't tell.
func holderOf(tx store.Tx, canonical string, rules restriction.Rules) (account.User, bool, error) {
	asked, readable := rules.Address(canonical)
	if rules.Subaddresses == restriction.AllowThem || !readable {
		return account.User{}, false, nil
	}
	var holder account.User
	for _, key := range rules.SameMailbox(asked) {
		users, err := tx.Users.ByMailbox(key, mailboxCandidates)
		if err != nil {
			return account.User{}, false, err
		}
		for i := range users {
			if holder.ID == "" && (holds(&users[i], asked, rules) || i == mailboxCandidates-1) {
				holder = users[i]
			}
		}
	}
	return holder, holder.ID != "", nil
}

func holds(user *account.User, asked restriction.Address, rules restriction.Rules) bool {
	for _, e := range user.Emails {
		if !e.Names() || e.Canonical == asked.Canonical() {
			continue
		}
		if other, readable := rules.Address(e.Canonical); readable && other.Mailbox() == asked.Mailbox() {
			return true
		}
	}
	return false
}
