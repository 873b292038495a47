package invitation

import (
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Invitation is an invitation of one address.
type Invitation struct {
	// ID is `inv_…`.
	ID string
	// Email is the address as the operator wrote it, Canonical the form it is compared by.
	Email, Canonical string
	// Secret is the digest of the token.
	Secret secret.Digest
	// CreatedAt is when it was made, CreatedBy by whom, Note why.
	CreatedAt       time.Time
	CreatedBy, Note string
	// ExpiresAt is when it ends by itself.
	ExpiresAt time.Time
	// RevokedAt is when it was revoked, and RevokedBy by whom; zero while it wasn't.
	RevokedAt time.Time
	RevokedBy string
	// AcceptedAt is when somebody signed up with it, and AcceptedBy the user; zero while nobody did.
	AcceptedAt time.Time
	AcceptedBy string
}

// State is how an invitation stands.
type State string

// The states; the package comment draws what leads where.
const (
	Pending  State = "pending"
	Accepted State = "accepted"
	Revoked  State = "revoked"
	Expired  State = "expired"
)

// State is how it stands at a moment.
func (i *Invitation) State(now time.Time) State {
	switch {
	case !i.AcceptedAt.IsZero():
		return Accepted
	case !i.RevokedAt.IsZero():
		return Revoked
	case !now.Before(i.ExpiresAt):
		return Expired
	}
	return Pending
}

// EndsAt is when it ended, or will.
func (i *Invitation) EndsAt() time.Time {
	switch {
	case !i.AcceptedAt.IsZero():
		return i.AcceptedAt
	case !i.RevokedAt.IsZero():
		return i.RevokedAt
	}
	return i.ExpiresAt
}

// Lets says whether somebody who holds the token may sign up with an address.
func (i *Invitation) Lets(canonical string, now time.Time) bool {
	return i.State(now) == Pending && i.Canonical != "" && i.Canonical == canonical
}

// Accept uses it up for an account that is made with an address; false when it lets nobody in with that.
func (i *Invitation) Accept(canonical, userID string, now time.Time) bool {
	if !i.Lets(canonical, now) {
		return false
	}
	i.AcceptedAt, i.AcceptedBy = now, userID
	return true
}

// Revoke ends it; false when it has ended.
func (i *Invitation) Revoke(by string, now time.Time) bool {
	if i.State(now) != Pending {
		return false
	}
	i.RevokedAt, i.RevokedBy = now, by
	return true
}
