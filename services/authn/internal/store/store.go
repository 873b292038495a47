package store

import (
	"context"
	"errors"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/quota"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// Store is authn's storage. See the package comment for what a transaction promises.
type Store interface {
	View(ctx context.Context, fn func(Tx) error) error
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction, seen through its roles.
type Tx struct {
	Users        Users
	Devices      Devices
	Sessions     Sessions
	Attempts     Attempts
	Budgets      Budgets
	Lockouts     Lockouts
	Applications Applications
	SigningKeys  SigningKeys
	Alerts       Alerts
	Restrictions Restrictions
	Invitations  Invitations
	Specimens    Specimens
	// Outbox, Audit and Policies are the shared roles: what is written through them is kept exactly when the change is.
	Outbox   outbox.Appender
	Audit    audit.Log
	Policies policy.Records
}

// These come from Users.Put when what names a user names another one. Nothing was written.
var (
	ErrEmailTaken      = errors.New("store: the address belongs to another user")
	ErrExternalIDTaken = errors.New("store: the external id belongs to another user")
	ErrRowTaken        = errors.New("store: the imported row belongs to another user")
)

// Users keeps accounts.
type Users interface {
	Get(id string) (account.User, bool, error)
	// ByEmail finds the user that an address names (account.Email.Names): one that has it among its present, verified ones, or was imported with it.
	ByEmail(canonical string) (account.User, bool, error)
	// OwnerOf is the id of that user. Nothing of theirs is read: the answer takes as long whether there is one or not.
	OwnerOf(canonical string) (id string, found bool, err error)
	// ByExternalID finds the user that another system knows by an id.
	ByExternalID(externalID string) (account.User, bool, error)
	// ByImport finds the user that was made of a row, by the row's digest.
	ByImport(row secret.Digest) (account.User, bool, error)
	// ByMailbox are users who have an address that is filed under a key (restriction.FiledUnder) among those that name them, oldest first, at most limit.
	ByMailbox(key string, limit int) ([]account.User, error)
	// List are all users, oldest first, from the one after the id after on ("" is the oldest), at most limit.
	List(after string, limit int) ([]account.User, error)
	// Count is how many users there are.
	Count() (int, error)
	// Put keeps the user and claims the addresses that name it, its external id and its row; what it gave up is free again. ErrEmailTaken,
	// ErrExternalIDTaken or ErrRowTaken when one is another's.
	Put(account.User) error
}

// Devices keeps devices, trusted or not.
type Devices interface {
	Get(id string) (device.Device, bool, error)
	// OfUser are all of a user's devices, oldest first.
	OfUser(userID string) ([]device.Device, error)
	// BySecret finds the device whose secret this is, or was as far as the device remembers. It takes as long for a user with many devices as for one with
	// none.
	BySecret(digest secret.Digest) (device.Device, bool, error)
	Put(device.Device) error
	Delete(id string) error
}

// Sessions keeps sessions, ended ones too until they are deleted.
type Sessions interface {
	Get(id string) (session.Session, bool, error)
	Put(session.Session) error
	// OfUser are a user's sessions, newest first, from the one after the id before on ("" is the newest), at most limit.
	OfUser(userID, before string, limit int) ([]session.Session, error)
	// ActiveOfUser are all of a user's sessions with a zero EndedAt, oldest first. Some may have expired.
	ActiveOfUser(userID string) ([]session.Session, error)
	// DeleteExpired deletes at most limit sessions whose ExpiresAt is before t, ended or not, and returns how many.
	DeleteExpired(t time.Time, limit int) (int, error)
}

// Attempts keeps attempts.
type Attempts interface {
	Get(id string) (attempt.Attempt, bool, error)
	Put(attempt.Attempt) error
	Delete(id string) error
	// OfIdentifier are the attempts for an identifier, oldest first, at most limit.
	OfIdentifier(accountKey [32]byte, limit int) ([]attempt.Attempt, error)
	// Expired are attempts whose ExpiresAt is before t, earliest first, at most limit.
	Expired(t time.Time, limit int) ([]attempt.Attempt, error)
}

// Budgets keeps what was used of quotas, by a keyed hash.
type Budgets interface {
	// Get answers with a full budget where none is kept.
	Get(key [32]byte) (quota.Budget, error)
	// Put keeps a budget until a moment, after which it may be deleted; a full budget is deleted at once.
	Put(key [32]byte, b quota.Budget, until time.Time) error
	// DeleteExpired deletes at most limit budgets whose moment is before t, and returns how many.
	DeleteExpired(t time.Time, limit int) (int, error)
}

// Lockouts keeps failures in a row, by a keyed hash of identifier and authenticator.
type Lockouts interface {
	// Get answers with a clean record where none is kept.
	Get(key [32]byte) (lockout.Record, error)
	// Put keeps a record until a moment, after which it may be deleted; a clean one is deleted at once.
	Put(key [32]byte, r lockout.Record, until time.Time) error
	// DeleteExpired deletes at most limit records whose moment is before t, and returns how many.
	DeleteExpired(t time.Time, limit int) (int, error)
}

// Applications keeps applications and their API keys.
type Applications interface {
	Get(id string) (application.Application, bool, error)
	ByName(name string) (application.Application, bool, error)
	// List are all applications by name, from the one after the name after on ("" is the first), at most limit.
	List(after string, limit int) ([]application.Application, error)
	Put(application.Application) error
	Key(id string) (application.Key, bool, error)
	// KeyBySecret finds a key, revoked ones too, by its digest.
	KeyBySecret(digest secret.Digest) (application.Key, bool, error)
	// Keys are the keys of all applications, oldest first, those that have ended included: a deployment has a handful.
	Keys() ([]application.Key, error)
	PutKey(application.Key) error
}

// SigningKeys keeps the keys of session tokens.
type SigningKeys interface {
	// List is all of them, oldest first.
	List() ([]token.SigningKey, error)
	Put(token.SigningKey) error
	Delete(id string) error
}

// Alerts keeps the events that owners are told of.
type Alerts interface {
	Get(eventID string) (containment.Alert, bool, error)
	Put(containment.Alert) error
	// DeleteBefore deletes at most limit alerts whose At is before t, and returns how many.
	DeleteBefore(t time.Time, limit int) (int, error)
}

// Restrictions keeps the entries of the lists of who may sign up, and remembers the last changes, for those who keep an index of them.
type Restrictions interface {
	// List are a list's entries in the order of their String, from the one after the String after on ("" is the first), at most limit.
	List(list restriction.List, after string, limit int) ([]restriction.Kept, error)
	// Entries are the same without who added them, for whoever reads all: a million in a second or two.
	Entries(list restriction.List, after string, limit int) ([]restriction.Entry, error)
	// Add keeps those of the entries that aren't there, and returns them. Those that are there stay as they are.
	Add(entries []restriction.Kept) (added []restriction.Kept, err error)
	// Remove takes entries out, and returns those that were there.
	Remove(entries []restriction.Entry) (removed []restriction.Entry, err error)
	// State says how many entries there are, and how often they were changed.
	State() (RestrictionState, error)
	// Since are the changes after a version, oldest first. False says that not all of them are remembered: whoever follows must read all entries.
	Since(version uint64) (changes []restriction.Change, complete bool, err error)
}

// Specimens keeps what the costliest imported passwords cost to check, for the hash pool.
type Specimens interface {
	// List has one of each kind, in the order of the kinds.
	List() ([]credential.Specimen, error)
	// Put keeps a specimen in the place of its kind's.
	Put(credential.Specimen) error
}

// RestrictionState is where the entries stand.
type RestrictionState struct {
	// Version rises by one with each Add and Remove that changes something.
	Version uint64
	// Entries is how many there are, in all lists.
	Entries int
}

// Invitations keeps invitations, those that have ended too until they are deleted.
type Invitations interface {
	Get(id string) (invitation.Invitation, bool, error)
	// BySecret finds an invitation, ended ones too, by the digest of its token. Two with one digest are an error of Put.
	BySecret(digest secret.Digest) (invitation.Invitation, bool, error)
	// List are all invitations, newest first, from the one after the id before on ("" is the newest), at most limit.
	List(before string, limit int) ([]invitation.Invitation, error)
	// OfEmail are those for an address in its canonical form, in the same way.
	OfEmail(canonical, before string, limit int) ([]invitation.Invitation, error)
	// OpenOfEmail are all of an address's that were neither accepted nor revoked, oldest first. Some may have expired.
	OpenOfEmail(canonical string) ([]invitation.Invitation, error)
	// Count is how many there were when the transaction began.
	Count() (int, error)
	Put(invitation.Invitation) error
	// DeleteEnded deletes at most limit invitations whose EndsAt is before t, and returns how many.
	DeleteEnded(t time.Time, limit int) (int, error)
}
