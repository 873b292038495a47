package attempt

import (
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Attempt is one try at signing up or in.
type Attempt struct {
	// ID is `att_…`.
	ID string
	// Purpose is what it is for.
	Purpose Purpose
	// Secret is the digest of what its holder must present.
	Secret secret.Digest
	// Binding is where it was begun.
	Binding Binding
	// Address is the identifier as typed, Canonical the form it is compared by, AccountKey its keyed hash for counters and events.
	Address, Canonical string
	AccountKey         [32]byte
	// UserID is the subject; empty when the identifier belongs to nobody. Epoch is the user's when the password was right.
	UserID string
	Epoch  uint64
	// DeviceID is the user's device that the presented secret belongs to; empty when it belongs to none.
	DeviceID string
	// Assessment is what risk said; nil before it was asked.
	Assessment *Assessment
	// Proofs are what was proved so far.
	Proofs Proofs
	// WithheldAt is when a right password was given that nobody was let in by, because it couldn't be looked up; zero when none was.
	WithheldAt time.Time
	// Codes are the live codes, oldest first.
	Codes []Code
	// Wrong counts the wrong answers, and those that are being checked.
	Wrong int
	// CreatedAt and ExpiresAt bound its life; FinishedAt is when it was done, zero before.
	CreatedAt, ExpiresAt, FinishedAt time.Time
	// Origin is where the attempt comes from, for mails and events.
	Origin Origin
	// InvitationID is the invitation whose token a sign-up began with; empty when there was none, or it is nobody's.
	InvitationID string
}

// Proofs are what an attempt has proved. Each is set once.
type Proofs struct {
	// PasswordAt is when the right password was given.
	PasswordAt time.Time
	// EmailCodeAt is when the right code was given.
	EmailCodeAt time.Time
	// NewPassword is the password to be set at completion; nil until there is one.
	NewPassword *HashedPassword
}

// HashedPassword is a PHC string, and nothing that could be turned back.
type HashedPassword struct {
	PHC string
}

// Assessment is risk's decision, as far as the attempt must remember it.
type Assessment struct {
	// DecisionID is risk's id for it; empty when risk was down.
	DecisionID string
	// Verdict is what applies once the password is right.
	Verdict Verdict
	// Country and CountryName are where the address is; empty when unknown.
	Country, CountryName string
}

// Origin is where an attempt comes from.
type Origin struct {
	IP, UserAgent, Language string
}

// Binding is what an attempt is tied to. Whoever continues it must come from the same place.
type Binding struct {
	// ApplicationID is the application that began it.
	ApplicationID string
	// Device is the digest of the device secret that was presented at the start; zero when there was none.
	Device secret.Digest
	// UserAgent is the digest of the User-Agent header.
	UserAgent secret.Digest
}

// Matches compares two bindings in constant time.
func (b Binding) Matches(other Binding) bool {
	device := b.Device.Equal(other.Device)
	agent := b.UserAgent.Equal(other.UserAgent)
	return device && agent && b.ApplicationID == other.ApplicationID
}

// Live says whether the attempt can still be continued, as far as it alone knows.
func (a *Attempt) Live(now time.Time) bool {
	return a.FinishedAt.IsZero() && now.Before(a.ExpiresAt)
}

// AnswersLeft is how many more wrong answers it takes.
func (a *Attempt) AnswersLeft(limit int) int { return max(0, limit-a.Wrong) }

// Proven says whether anything was proved. A new password proves nothing: whoever signs up chooses it.
func (a *Attempt) Proven() bool {
	return !a.Proofs.PasswordAt.IsZero() || !a.Proofs.EmailCodeAt.IsZero()
}

// Abandoned says whether the password was right and no session came of it: somebody may know it who shouldn't.
func (a *Attempt) Abandoned() bool {
	return a.Purpose == SignIn && !a.RightAt().IsZero() && a.FinishedAt.IsZero()
}

// RightAt is when the right password was given, whether or not it led on; zero when it wasn't.
func (a *Attempt) RightAt() time.Time {
	if a.Proofs.PasswordAt.IsZero() {
		return a.WithheldAt
	}
	return a.Proofs.PasswordAt
}

// AMR is how the subject was authenticated, in RFC 8176's values.
func (a *Attempt) AMR() []string {
	amr := []string{"pwd"}
	if !a.Proofs.EmailCodeAt.IsZero() {
		amr = append(amr, "otp")
	}
	return amr
}
