package doorward

import (
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// Grant is what a completed attempt hands out, once.
type Grant struct {
	UserID    string
	SessionID string // names the session; it is no credential
	// SessionToken goes with every call to a guarded service, as `authorization: Bearer …`.
	SessionToken Secret
	// SessionTokenExpiresAt is when to have refreshed it.
	SessionTokenExpiresAt time.Time
	// RefreshToken is good for one Client.Refresh, whose answer holds the next.
	RefreshToken Secret
	DeviceID     string
	// DeviceSecret is to be kept on the device, out of scripts' reach, and presented in From from now on.
	DeviceSecret Secret
	// SessionExpiresAt is when the session ends whatever happens.
	SessionExpiresAt time.Time
}

func grantOf(grant *authnv1.Grant) Grant {
	return Grant{
		UserID:                grant.GetUserId(),
		SessionID:             grant.GetSessionId(),
		SessionToken:          SecretOf(grant.GetSessionToken()),
		SessionTokenExpiresAt: grant.GetSessionTokenExpiresAt().AsTime(),
		RefreshToken:          SecretOf(grant.GetRefreshToken()),
		DeviceID:              grant.GetDeviceId(),
		DeviceSecret:          SecretOf(grant.GetDeviceSecret()),
		SessionExpiresAt:      grant.GetSessionExpiresAt().AsTime(),
	}
}

// Tokens is a session's next pair of tokens.
type Tokens struct {
	SessionToken          Secret
	SessionTokenExpiresAt time.Time
	// RefreshToken replaces the one that was presented.
	RefreshToken Secret
}
