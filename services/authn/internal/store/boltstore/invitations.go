package boltstore

import (
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/store"
)

var (
	invitationsByEmail = newestFirst{boltdb.Table[string]{Bucket: "invitations_by_email"}}
	invitationsOpen    = boltdb.Multi{Bucket: "invitations_open_by_email"}
	invitationsByEnd   = boltdb.Multi{Bucket: "invitations_by_end"}
	invitationBySecret = boltdb.Unique{Bucket: "invitations_by_secret"}

	invitationTable = boltdb.Table[invitation.Invitation]{Bucket: "invitations"}
	invitationSet   = set[invitation.Invitation]{
		table: invitationTable,
		key:   func(i invitation.Invitation) string { return i.ID },
		lists: []list[invitation.Invitation]{
			{invitationsByEmail, func(i invitation.Invitation) string { return i.Canonical }},
			{invitationsOpen, openFor},
			{invitationsByEnd, func(i invitation.Invitation) string { return moment(i.EndsAt()) }},
			{sole{invitationBySecret}, func(i invitation.Invitation) string { return indexed(i.Secret) }},
		},
	}
)

// openFor is the address whose open invitations have this one.
func openFor(i invitation.Invitation) string {
	if !i.AcceptedAt.IsZero() || !i.RevokedAt.IsZero() {
		return ""
	}
	return i.Canonical
}

// sole is an index in which a value has one id. Another holder is an error: the token of every invitation is its own.
type sole struct{ boltdb.Unique }

// Add claims the value.
func (s sole) Add(tx *bolt.Tx, value, id string) error {
	holder, err := s.Claim(tx, value, id)
	if err == nil && holder != id {
		err = fmt.Errorf("put %s: %s has the same entry in %s", id, holder, s.Bucket)
	}
	return err
}

// Remove frees it.
func (s sole) Remove(tx *bolt.Tx, value, id string) error { return s.Release(tx, value, id) }

type invitations struct{ tx *bolt.Tx }

var _ store.Invitations = invitations{}

func (i invitations) Get(id string) (invitation.Invitation, bool, error) {
	return invitationTable.Get(i.tx, id)
}

func (i invitations) BySecret(digest secret.Digest) (invitation.Invitation, bool, error) {
	if digest.IsZero() {
		return invitation.Invitation{}, false, nil
	}
	return find(i.tx, invitationBySecret, invitationSet.table, indexed(digest))
}

func (i invitations) List(before string, limit int) ([]invitation.Invitation, error) {
	if limit <= 0 {
		return nil, nil
	}
	items, err := invitationTable.Scan(i.tx, boltdb.Range{After: before, Limit: limit, Descending: true})
	if err != nil {
		return nil, err
	}
	page := make([]invitation.Invitation, len(items))
	for n, item := range items {
		page[n] = item.Value
	}
	return page, nil
}

func (i invitations) OfEmail(canonical, before string, limit int) ([]invitation.Invitation, error) {
	ids, err := invitationsByEmail.ids(i.tx, canonical, before, limit)
	if err != nil {
		return nil, err
	}
	return invitationSet.fetch(i.tx, ids)
}

func (i invitations) OpenOfEmail(canonical string) ([]invitation.Invitation, error) {
	ids, err := idsUnder(i.tx, invitationsOpen, canonical, all)
	if err != nil {
		return nil, err
	}
	return invitationSet.fetch(i.tx, ids)
}

func (i invitations) Count() (int, error) { return boltdb.Count(i.tx, invitationTable.Bucket) }

func (i invitations) Put(record invitation.Invitation) error { return invitationSet.put(i.tx, record) }

func (i invitations) DeleteEnded(t time.Time, limit int) (int, error) {
	return invitationSet.deleteBefore(i.tx, invitationsByEnd, t, limit)
}
