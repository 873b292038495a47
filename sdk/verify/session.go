package verify

import (
	"context"
	"slices"
	"time"
)

// Session is who is calling, as a checked token says.
type Session struct {
	UserID    string
	SessionID string
	DeviceID  string
	// ApplicationID is the application that the user signed in through (the claim azp).
	ApplicationID string
	// AuthTime is when the user last proved who they are.
	AuthTime time.Time
	// ExpiresAt is when the token's life is over; the session goes on with the next one.
	ExpiresAt time.Time
	// Generation rises when the session gains or loses privileges.
	Generation uint64

	keyID string   // of the key that signed the token
	amr   []string // shared by every call with the same token: handed out as a copy
}

// AMR lists how the user proved who they are (RFC 8176), such as pwd and otp.
func (s Session) AMR() []string { return slices.Clone(s.amr) }

// ProvedBy reports whether the user used the method, such as otp.
func (s Session) ProvedBy(method string) bool { return slices.Contains(s.amr, method) }

type sessionKey struct{}

// FromContext returns the session of the call that a handler serves. It is false in a public method that was called
// without a valid token, and wherever no interceptor of this package ran.
func FromContext(ctx context.Context) (Session, bool) {
	session, ok := ctx.Value(sessionKey{}).(Session)
	return session, ok
}

func withSession(ctx context.Context, session Session) context.Context {
	return context.WithValue(ctx, sessionKey{}, session)
}
