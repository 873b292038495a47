// Package session is one user signed in on one device: how long it lasts, how its refresh tokens follow each other, and how it ends.
//
//	           refresh: successor
//	             +------+
//	             v      |
//	start --> active ---+--> ended: expired | revoked | contained | refresh_reuse | password_changed | restored
//
// A session names a chain of refresh tokens, its family. The current one is good for one use; the one before gets the same successor
// for a few seconds more, on the same device, so that a lost answer or a second tab does no harm. Any other use of the family's past
// means that two parties hold it, and ends the session.
//
// It is pure: tokens are made by package token, and here stand only as digests. Called by the flows and by containment's plan.
package session

import (
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/device"
)

// Session is one session.
type Session struct {
	// ID is `ses_…`; it names the session and is no credential.
	ID string
	// UserID, DeviceID and ApplicationID say whose, on what and through which application. Audience is the application's.
	UserID, DeviceID, ApplicationID, Audience string
	// AttemptID is the attempt that began it, SignInEventID the event that told of it.
	AttemptID, SignInEventID string
	// Generation rises when what the session may do changes; it is the token's `gen`.
	Generation uint64
	// Epoch is the user's security epoch that the refresh family belongs to.
	Epoch uint64
	// AMR says how the user was authenticated (RFC 8176: `pwd`, `otp`).
	AMR []string
	// FirstFactorAt and SecondFactorAt are when each was last verified; zero for never.
	FirstFactorAt, SecondFactorAt time.Time
	// StartedAt, LastUsedAt and ExpiresAt bound its life.
	StartedAt, LastUsedAt, ExpiresAt time.Time
	// EndedAt and End say when and why it ended early.
	EndedAt time.Time
	End     End
	// Refresh is the digest of the current refresh token, Previous of the one before, which was used at RefreshedAt.
	Refresh, Previous secret.Digest
	RefreshedAt       time.Time
	// IP, Country and CountryName are where it began; About is the device as its header told it then.
	IP, Country, CountryName string
	About                    device.Description
}

// End is why a session ended. The empty End is an active session's.
type End string

// The ends, as events and metrics name them.
const (
	EndRevoked         End = "revoked"
	EndContained       End = "contained"
	EndRefreshReuse    End = "refresh_reuse"
	EndPasswordChanged End = "password_changed"
	EndExpired         End = "expired"
	EndRestored        End = "restored"
	EndBanned          End = "banned"
)

// Active says whether the session still is one, for a user at an epoch.
func (s *Session) Active(now time.Time, epoch uint64) bool {
	return s.EndedAt.IsZero() && now.Before(s.ExpiresAt) && s.Epoch == epoch
}

// Finish ends the session. One that has ended keeps its first end; false says so.
func (s *Session) Finish(why End, now time.Time) bool {
	if !s.EndedAt.IsZero() {
		return false
	}
	s.EndedAt, s.End = now, why
	return true
}
