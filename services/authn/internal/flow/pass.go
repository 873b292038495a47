package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// pass is what somebody who signs up has shown of an invitation; zero when they showed nothing.
type pass struct {
	// Invitation is the one that they hold, good or not; zero when what they showed is nobody's.
	invitation.Invitation
	shown bool
}

// passOf finds the invitation whose token was presented. Its address and how it stands aren't looked at: tell does.
func (f *Attempts) passOf(ctx context.Context, token secret.Text) (pass, error) {
	if token.IsZero() {
		return pass{}, nil
	}
	var found invitation.Invitation
	err := f.Store.View(ctx, func(tx store.Tx) (err error) {
		found, _, err = tx.Invitations.BySecret(secret.Hash(token))
		return err
	})
	if err != nil {
		return pass{}, fmt.Errorf("find invitation: %w", err)
	}
	if !found.Secret.Matches(token) {
		found = invitation.Invitation{}
	}
	return pass{Invitation: found, shown: true}, nil
}

// passAgain reads the invitation that an attempt began with, inside the transaction that may use it up. One that was deleted meanwhile lets nobody in.
func passAgain(tx store.Tx, invitationID string) (pass, error) {
	if invitationID == "" {
		return pass{}, nil
	}
	found, _, err := tx.Invitations.Get(invitationID)
	return pass{Invitation: found, shown: true}, err
}

// tell says to the rules what the pass is worth to somebody with an address. What is wrong with it, operators alone learn.
func (p pass) tell(s *restriction.Subject, canonical string, now time.Time) {
	switch {
	case !p.shown:
	case p.Lets(canonical, now):
		s.Invited, s.Invitation = true, p.ID
	case p.ID == "":
		s.InvitationFault = "unknown invitation"
	case p.Canonical != canonical:
		s.InvitationFault = p.ID + " for another address"
	default:
		s.InvitationFault = fmt.Sprintf("%s %s", p.ID, p.State(now))
	}
}

// accept uses the pass up for the account that is being made, and returns its id; nothing where there was none, or, in open mode, none that is good.
func (c *completion) accept(tx store.Tx) (invitationID string, err error) {
	if !c.pass.Accept(c.Attempt.Canonical, c.user.ID, c.now) {
		return "", nil
	}
	return c.pass.ID, tx.Invitations.Put(c.pass.Invitation)
}
