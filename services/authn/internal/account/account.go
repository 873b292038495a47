// Package account is what authn knows of a user: the identifiers that name them, the password that proves them, and the
// security epoch that everything issued to them carries.
//
// It is pure: it reads no clock, keeps nothing and sends nothing. It doesn't hash (credential does) and knows neither devices
// nor sessions, which only refer to a user by id. Called by the flows, and by containment's plan.
package account

import (
	"errors"
	"time"
)

// User is one account.
type User struct {
	// ID is `usr_…`.
	ID string
	// Version rises with every change that the world hears of; events carry it, so that views can drop what is older.
	Version uint64
	// Epoch is the security epoch. It rises on containment and password change; whatever was issued under a lower one is void.
	Epoch uint64
	// Emails are the addresses, present and removed, oldest first. The first present one is the primary.
	Emails []Email
	// Password is the password; nil when the account has none.
	Password *Password
	// Language is the Accept-Language of the last sign-in on a known device.
	Language string
	// CreatedAt is when sign-up was completed, here or in the system that the account was imported from.
	CreatedAt time.Time
	// Lock is an operator's; nil when there is none.
	Lock *Lock
	// BannedAt is when an operator banned the account; zero when it isn't banned.
	BannedAt time.Time
	// ExternalID is what another system knows the user by, and Name what it calls them; empty where there is none.
	ExternalID, Name string
	// Import is how the account came from that system; nil when it signed up here.
	Import *Import
}

// Email is a mail address of an account.
type Email struct {
	// ID is `eml_…`.
	ID string
	// Address is as its owner wrote it.
	Address string
	// Canonical is what addresses are compared by; see Canonical.
	Canonical string
	// VerifiedAt is when its owner proved to read it, or when it was imported as proved.
	VerifiedAt time.Time
	// Claimed says that it was imported unproved: it names its user all the same, who proves it by the first sign-in.
	Claimed bool
	// RemovedAt is when it was removed; zero while it is present.
	RemovedAt time.Time
	// RemovedOnTrusted says that it was removed from a device trusted before, which voids the contain-tokens mailed to it.
	RemovedOnTrusted bool
}

// Names says whether the address names its user and nobody else.
func (e Email) Names() bool { return e.RemovedAt.IsZero() && (!e.VerifiedAt.IsZero() || e.Claimed) }

// Password is the account's password, hashed.
type Password struct {
	// PHC is the hash with its parameters and salt, as a PHC string; until its first use, in the form of the system it was imported from.
	PHC string
	// SetAt is when it was set.
	SetAt time.Time
	// ContainedAt is when a containment marked it compromised; zero when none did. Such a password lets nobody in: it only
	// opens the way to a new one, on a device trusted before.
	ContainedAt time.Time
	// CompromisedAt is when somebody else was said to know it; zero when nobody was. Such a password is good for a sign-in with a second check,
	// at whose end it is replaced.
	CompromisedAt time.Time
}

// Contained says whether the password was marked compromised by a containment.
func (p *Password) Contained() bool { return p != nil && !p.ContainedAt.IsZero() }

// Compromised says whether somebody else was said to know the password.
func (p *Password) Compromised() bool { return p != nil && !p.CompromisedAt.IsZero() }

// Primary is the address that codes go to: the oldest present one. False when there is none.
func (u *User) Primary() (Email, bool) {
	for _, e := range u.Emails {
		if e.Names() {
			return e, true
		}
	}
	return Email{}, false
}

// RaiseEpoch voids everything that was issued to the user so far.
func (u *User) RaiseEpoch() { u.Epoch++ }

// ErrClock says that a user has a version which a restore would have given at a later moment: the clock was set back since one.
var ErrClock = errors.New("account: the clock is behind the one of a restore before")

// Restore is for a user as a backup has them. It voids all that was issued, and lifts the version above every one that was used since the
// backup, which views have seen and would take what follows for older than. Nobody knows those, but they count changes from where the
// backup left them, or where a restore before lifted them to; and no user changes once a microsecond for as long as that is ago. So the
// microseconds of the Unix epoch are above them all, and below 2^53, which every reader of JSON can hold.
func (u *User) Restore(now time.Time) error {
	lifted := uint64(now.UnixMicro())
	if u.Version > lifted {
		return ErrClock
	}
	u.RaiseEpoch()
	u.Version = lifted
	return nil
}

// Changed counts a change that the world hears of, and returns the version for its events.
func (u *User) Changed() uint64 {
	u.Version++
	return u.Version
}
