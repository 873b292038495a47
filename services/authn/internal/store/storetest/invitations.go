package storetest

import (
	"testing"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func putInvitation(tx store.Tx, i invitation.Invitation) error { return tx.Invitations.Put(i) }

func invitationByID(id string) lookup[invitation.Invitation] {
	return func(tx store.Tx) (invitation.Invitation, bool, error) { return tx.Invitations.Get(id) }
}

func invitationBySecret(d secret.Digest) lookup[invitation.Invitation] {
	return func(tx store.Tx) (invitation.Invitation, bool, error) { return tx.Invitations.BySecret(d) }
}

// pendingInvitation is the n-th, for the identifier's address.
func pendingInvitation(n, identifier int) invitation.Invitation {
	i := invited(n)
	i.Canonical = address(identifier)
	i.RevokedAt, i.RevokedBy, i.AcceptedAt, i.AcceptedBy = time.Time{}, "", time.Time{}, ""
	return i
}

func invitationTests() []test {
	list := func(before string, limit int) func(store.Tx) ([]invitation.Invitation, error) {
		return func(tx store.Tx) ([]invitation.Invitation, error) { return tx.Invitations.List(before, limit) }
	}
	of := func(identifier int, before string, limit int) func(store.Tx) ([]invitation.Invitation, error) {
		return func(tx store.Tx) ([]invitation.Invitation, error) {
			return tx.Invitations.OfEmail(address(identifier), before, limit)
		}
	}
	first, second, third := pendingInvitation(1, 1), pendingInvitation(2, 2), pendingInvitation(3, 1)
	return []test{
		{"GivesBackWhatItWasGiven", func(t *testing.T, s store.Store) {
			puts(t, s, putInvitation, invited(1), second)
			wantFound(t, s, "a full record", invitationByID(invited(1).ID), invited(1))
			wantFound(t, s, "a pending one by its token", invitationBySecret(second.Secret), second)
			wantFound(t, s, "an ended one by its token", invitationBySecret(invited(1).Secret), invited(1))
			wantAbsent(t, s, "an unknown id", invitationByID(ident("inv", 3)))
			wantAbsent(t, s, "an unknown token", invitationBySecret(digest("invitation", 3)))
			wantAbsent(t, s, "no token", invitationBySecret(secret.Digest{}))
		}},
		{"ListsGoBackFromTheNewest", func(t *testing.T, s store.Store) {
			wantList(t, s, "none", list("", 10))
			puts(t, s, putInvitation, second, first, third)
			wantList(t, s, "all", list("", 10), third, second, first)
			wantList(t, s, "the newest two", list("", 2), third, second)
			wantList(t, s, "after the newest", list(third.ID, 10), second, first)
			wantList(t, s, "after the oldest", list(first.ID, 10))
			wantList(t, s, "none asked for", list("", 0))
			wantList(t, s, "an address's", of(1, "", 10), third, first)
			wantList(t, s, "an address's after its newest", of(1, third.ID, 10), first)
			wantList(t, s, "nobody's", of(3, "", 10))
			wantList(t, s, "none of an address's asked for", of(1, "", 0))
		}},
		{"OpenOfEmailIsAllThatWasNeitherAcceptedNorRevoked", func(t *testing.T, s store.Store) {
			open := func(tx store.Tx) ([]invitation.Invitation, error) { return tx.Invitations.OpenOfEmail(address(1)) }
			wantList(t, s, "none", open)
			accepted, revoked := pendingInvitation(4, 1), pendingInvitation(5, 1)
			accepted.AcceptedAt, revoked.RevokedAt = at(9), at(9)
			puts(t, s, putInvitation, third, second, first, accepted, pendingInvitation(5, 1), revoked)
			wantList(t, s, "two", open, first, third)
		}},
		{"CountIsHowManyThereWereBefore", func(t *testing.T, s store.Store) {
			count := func(tx store.Tx) (int, error) { return tx.Invitations.Count() }
			wantDeleted(t, s, count, 0)
			puts(t, s, putInvitation, first, second, first)
			wantDeleted(t, s, count, 2)
		}},
		{"ATokenHasOneInvitation", func(t *testing.T, s store.Store) {
			double := second
			double.Secret = first.Secret
			puts(t, s, putInvitation, first)
			if err := tryUpdate(t.Context(), s, func(tx store.Tx) error { return tx.Invitations.Put(double) }); err == nil {
				t.Error("a second invitation took the token")
			}
			wantFound(t, s, "the token", invitationBySecret(first.Secret), first)
			wantList(t, s, "all", list("", 10), first)
		}},
		{"DeleteEndedTakesTheEarliestUpToItsLimit", func(t *testing.T, s store.Store) {
			clean := func(minute, limit int) func(store.Tx) (int, error) {
				return func(tx store.Tx) (int, error) { return tx.Invitations.DeleteEnded(at(minute), limit) }
			}
			revoked := third
			revoked.RevokedAt = at(50)
			puts(t, s, putInvitation, first, second, third, revoked)
			wantDeleted(t, s, clean(50, 10), 0)
			wantDeleted(t, s, clean(51, 0), 0)
			wantDeleted(t, s, clean(51, 10), 1)
			wantAbsent(t, s, "one that was revoked early", invitationByID(third.ID))
			wantAbsent(t, s, "its token", invitationBySecret(third.Secret))
			wantDeleted(t, s, clean(500, 1), 1)
			wantList(t, s, "what is left", list("", 10), second)
			wantList(t, s, "what is left of its address", of(2, "", 10), second)
			puts(t, s, putInvitation, third)
			wantFound(t, s, "a token that is free again", invitationBySecret(third.Secret), third)
		}},
	}
}
