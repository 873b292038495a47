package flow

import (
	"context"
	"fmt"
	"slices"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

const (
	// MaxInvitations bounds how many are kept, those that have ended included.
	MaxInvitations = 100_000
	// invitationMailed is for how long notify tries to hand an invitation's mail over: less than its stream keeps it, so that one which can't be
	// delivered is on record there, and not gone.
	invitationMailed = 20 * time.Hour
	// invitationsSeen is how many a filtered page looks through.
	invitationsSeen = 1000
)

// Invitations let operators invite people to sign up.
type Invitations struct{ Deps }

// NewInvitations puts the use cases together.
func NewInvitations(d Deps) *Invitations { return &Invitations{d} }

// Invited is what became of one address.
type Invited struct {
	// Email is the address as it was asked for.
	Email string
	// Invitation is zero when the address has an account, which is UserID's.
	Invitation invitation.Invitation
	UserID     string
	// Token is there when it was to be returned, for the only time.
	Token secret.Text
	// RefusedBy is the rule that refuses the address all the same; empty when none does.
	RefusedBy restriction.Rule
	// ReplacedID is the invitation that was pending for the address before.
	ReplacedID string
}

// draft is an invitation that is about to be made, and the sealed mail that carries its token.
type draft struct {
	email     string
	made      invitation.Invitation
	token     secret.Text
	mail      outbox.Row
	refusedBy restriction.Rule
}

// Create invites addresses, all or none. Each gets a mail with its token, unless the tokens are to be returned.
func (f *Invitations) Create(ctx context.Context, by Actor, emails []string, returnTokens bool, note string) ([]Invited, error) {
	index, err := f.Lists.Index(ctx)
	if err != nil {
		return nil, err
	}
	now, rules := f.Now(), f.Policy(ctx)
	drafts, err := draftAll(by, emails, note, rules, now)
	if err != nil {
		return nil, err
	}
	entrance := door{rules: rules.Restrictions(), index: index}
	for i := range drafts {
		drafts[i].refusedBy = entrance.refuses(drafts[i].email)
		if returnTokens {
			continue
		}
		if drafts[i].mail, err = f.mailOf(&drafts[i], rules, now); err != nil {
			return nil, errInternal.Because(err)
		}
	}
	results, err := f.keepAll(ctx, by, drafts, returnTokens, now)
	if err != nil {
		return nil, fmt.Errorf("create invitations: %w", err)
	}
	return results, nil
}

// keepAll stores them in one transaction, unless there would be too many.
func (f *Invitations) keepAll(ctx context.Context, by Actor, drafts []draft, returnTokens bool, now time.Time) (results []Invited, err error) {
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		results = nil
		kept, err := tx.Invitations.Count()
		if err != nil {
			return err
		}
		if kept+len(drafts) > MaxInvitations {
			return errInvitationsFull
		}
		for _, d := range drafts {
			result, err := d.keep(tx, by, returnTokens, now)
			if err != nil {
				return err
			}
			results = append(results, result)
		}
		return nil
	})
	return results, err
}

// draftAll makes an invitation of each address, and names each that isn't one or was named before.
func draftAll(by Actor, emails []string, note string, rules tuning.Policy, now time.Time) ([]draft, error) {
	refused, seen := errInvited, map[string]bool{}
	drafts := make([]draft, len(emails))
	for i, email := range emails {
		canonical, ok := account.Canonical(email)
		field := fmt.Sprintf("emails[%d]", i)
		switch {
		case !ok:
			refused = refused.Field(field, "must be a valid email address")
		case seen[canonical]:
			refused = refused.Field(field, "must be named once")
		}
		seen[canonical] = true
		token := secret.New("dwi")
		drafts[i] = draft{email: email, token: token, made: invitation.Invitation{
			ID: id.New("inv", now), Email: email, Canonical: canonical, Secret: secret.Hash(token),
			CreatedAt: now, CreatedBy: by.ID, Note: note, ExpiresAt: now.Add(rules.InvitationLifetime),
		}}
	}
	if len(refused.Fields) > 0 {
		return nil, refused
	}
	return drafts, nil
}

// refuses is the rule about addresses that keeps one out although it is invited.
func (d door) refuses(email string) restriction.Rule {
	return restriction.Judge(restriction.Subject{Email: email, AddressOnly: true, Invited: true}, d.rules, d.index).Reason
}

// mailOf seals the mail with the token.
func (f *Invitations) mailOf(d *draft, rules tuning.Policy, now time.Time) (outbox.Row, error) {
	expires := now.Add(invitationMailed)
	if d.made.ExpiresAt.Before(expires) {
		expires = d.made.ExpiresAt
	}
	return f.sealMail(envelope{to: d.email, expires: expires, purpose: eventv1.MailPurpose_MAIL_PURPOSE_INVITATION}, &eventv1.MailContent{
		Code:                d.token.Reveal(),
		RequestedAt:         timestamppb.New(now),
		Url:                 rules.InvitationURL,
		InvitationExpiresAt: timestamppb.New(d.made.ExpiresAt),
	}, now)
}

// keep stores the invitation in the place of the one before, and queues its mail; not where the address has an account, which operators may know.
func (d draft) keep(tx store.Tx, by Actor, returnToken bool, now time.Time) (Invited, error) {
	result := Invited{Email: d.email, RefusedBy: d.refusedBy}
	user, taken, err := tx.Users.ByEmail(d.made.Canonical)
	if err != nil || taken {
		result.UserID = user.ID
		return result, err
	}
	if result.ReplacedID, err = replace(tx, by, d.made.Canonical, now); err != nil {
		return result, err
	}
	if err := tx.Invitations.Put(d.made); err != nil {
		return result, err
	}
	result.Invitation = d.made
	if returnToken {
		result.Token = d.token
	} else if err := tx.Outbox.Append(d.mail); err != nil {
		return result, err
	}
	record := by.record(now, "invitation.create", "invitation", d.made.ID, d.made.Note)
	record.Detail = audit.Details("email", d.made.Canonical, "expires_at", d.made.ExpiresAt.UTC().Format(time.RFC3339),
		"mailed", !returnToken, "replaced_id", result.ReplacedID)
	return result, tx.Audit.Append(record)
}

// replace revokes what is pending for an address, which is one or none.
func replace(tx store.Tx, by Actor, canonical string, now time.Time) (replacedID string, err error) {
	pending, err := pendingFor(tx, canonical, now)
	if err != nil {
		return "", err
	}
	for _, before := range pending {
		before.Revoke(by.ID, now)
		if err := tx.Invitations.Put(before); err != nil {
			return "", err
		}
		replacedID = before.ID
	}
	return replacedID, nil
}

// pendingFor is what is pending for an address: a new invitation revokes the one before, so one or none.
func pendingFor(tx store.Tx, canonical string, now time.Time) ([]invitation.Invitation, error) {
	open, err := tx.Invitations.OpenOfEmail(canonical)
	return slices.DeleteFunc(open, func(i invitation.Invitation) bool { return i.State(now) != invitation.Pending }), err
}

// Which narrows a list of invitations. Zero fields don't narrow.
type Which struct {
	State invitation.State
	Email string
}

// List is a page of invitations, newest first, and where the next page begins. A page by state may be short, or empty, and have a next one: it looks through
// so many, and no more.
func (f *Invitations) List(ctx context.Context, which Which, before string, limit int) (page []invitation.Invitation, next string, err error) {
	canonical, ok := account.Canonical(which.Email)
	if which.Email != "" && !ok {
		return nil, "", errEmail
	}
	seen := limit
	if which.State != "" {
		seen = invitationsSeen
	}
	var found []invitation.Invitation
	err = f.Store.View(ctx, func(tx store.Tx) (err error) {
		if canonical == "" {
			found, err = tx.Invitations.List(before, seen+1)
			return err
		}
		found, err = tx.Invitations.OfEmail(canonical, before, seen+1)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list invitations: %w", err)
	}
	found, next = cut(found, seen, func(i invitation.Invitation) string { return i.ID })
	now := f.Now()
	for n, i := range found {
		if which.State != "" && i.State(now) != which.State {
			continue
		}
		if len(page) == limit {
			return page, found[n-1].ID, nil
		}
		page = append(page, i)
	}
	return page, next, nil
}

// Revoke ends an invitation, by its id, or the one that is pending for an address. One that has ended stays as it is.
func (f *Invitations) Revoke(ctx context.Context, by Actor, invitationID, email, note string) (invitation.Invitation, error) {
	now := f.Now()
	var ended invitation.Invitation
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		found, err := namedInvitation(tx, invitationID, email, now)
		if err != nil {
			return err
		}
		changed := found.Revoke(by.ID, now)
		ended = found
		if !changed {
			return nil
		}
		if err := tx.Invitations.Put(found); err != nil {
			return err
		}
		record := by.record(now, "invitation.revoke", "invitation", found.ID, note)
		record.Detail = audit.Details("email", found.Canonical)
		return tx.Audit.Append(record)
	})
	if err != nil {
		return invitation.Invitation{}, fmt.Errorf("revoke invitation: %w", err)
	}
	return ended, nil
}

func namedInvitation(tx store.Tx, invitationID, email string, now time.Time) (invitation.Invitation, error) {
	if invitationID != "" {
		found, ok, err := tx.Invitations.Get(invitationID)
		if err == nil && !ok {
			err = errNotFound
		}
		return found, err
	}
	canonical, ok := account.Canonical(email)
	if !ok {
		return invitation.Invitation{}, errEmail
	}
	pending, err := pendingFor(tx, canonical, now)
	if err == nil && len(pending) == 0 {
		err = errNotFound
	}
	if err != nil {
		return invitation.Invitation{}, err
	}
	return pending[0], nil
}
