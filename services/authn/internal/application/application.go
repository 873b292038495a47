// Package application is the backends that call authn, and the API keys they prove it with.
//
// A key is shown once and stored as its SHA-256. It is good until it is revoked, or until the end that a rotation gives it, which leaves its
// holders time to take up the successor. It is pure; flows create, rotate and revoke, and authenticate callers by it.
package application

import (
	"slices"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Application is a backend that calls authn.
type Application struct {
	// ID is `app_…`.
	ID string
	// Name is unique, for operators to recognise it by.
	Name string
	// Audience is the `aud` of the session tokens issued through it.
	Audience string
	// CreatedAt is when it was registered.
	CreatedAt time.Time
}

// Key is one API key of an application.
type Key struct {
	// ID is `key_…`; it names the key and is no credential.
	ID string
	// ApplicationID is whose key it is.
	ApplicationID string
	// Secret is the digest of the key.
	Secret secret.Digest
	// Scopes is what it allows.
	Scopes []Scope
	// CreatedAt and RevokedAt bound its life; RevokedAt is zero while nobody has revoked it.
	CreatedAt, RevokedAt time.Time
	// SuccessorID is the key that replaced it in a rotation, and ExpiresAt when it then ends by itself. Both are zero until it is rotated.
	SuccessorID string
	ExpiresAt   time.Time
}

// Scope is something that a key allows.
type Scope string

// The scopes, as the access table names them.
const (
	// SpeakForUsers: start and continue attempts and refresh sessions on behalf of end users.
	SpeakForUsers Scope = "speak_for_users"
	// Operator: do what operators do.
	Operator Scope = "operator"
)

// Good says whether the key may be used at a moment.
func (k *Key) Good(now time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || now.Before(k.ExpiresAt))
}

// Allows says whether the key has a scope.
func (k *Key) Allows(s Scope) bool { return slices.Contains(k.Scopes, s) }

// Revoke makes the key useless. One that is revoked already keeps its first time; false says so.
func (k *Key) Revoke(now time.Time) bool {
	if !k.RevokedAt.IsZero() {
		return false
	}
	k.RevokedAt = now
	return true
}

// Supersede names the key's successor, and ends the key at a moment. A key that has ended, or has a successor, stays as it is; false says so.
func (k *Key) Supersede(successorID string, until, now time.Time) bool {
	if !k.Good(now) || k.SuccessorID != "" {
		return false
	}
	k.SuccessorID, k.ExpiresAt = successorID, until
	return true
}
