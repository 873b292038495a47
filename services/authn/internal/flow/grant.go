package flow

import (
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// Grant is what a completed attempt hands out, once.
type Grant struct {
	Session      session.Session
	DeviceSecret secret.Text
	RefreshToken secret.Text
	// SessionToken is signed after the transaction; ExpiresAt is when its life is over.
	SessionToken secret.Text
	ExpiresAt    time.Time
}

// grant signs the session token of a completed attempt; any other progress passes through.
func (f *Attempts) grant(p Progress, lifetime time.Duration) (Progress, error) {
	if p.Step != attempt.Done || p.Grant == nil {
		return p, nil
	}
	signed, expires, err := sign(f.Keyring(), p.Grant.Session, p.Attempt.FinishedAt, lifetime)
	if err != nil {
		return Progress{}, errInternal.Because(err)
	}
	p.Grant.SessionToken, p.Grant.ExpiresAt = signed, expires
	return p, nil
}

// sign makes a session's token. It never outlives the session.
func sign(keys *token.Keyring, s session.Session, now time.Time, lifetime time.Duration) (secret.Text, time.Time, error) {
	expires := now.Add(lifetime)
	if s.ExpiresAt.Before(expires) {
		expires = s.ExpiresAt
	}
	signed, err := keys.Sign(token.Claims{
		Subject:        s.UserID,
		Audience:       s.Audience,
		Application:    s.ApplicationID,
		Session:        s.ID,
		Device:         s.DeviceID,
		Generation:     s.Generation,
		ID:             id.New("jti", now),
		AMR:            s.AMR,
		AuthTime:       s.StartedAt,
		FirstFactorAt:  s.FirstFactorAt,
		SecondFactorAt: s.SecondFactorAt,
		IssuedAt:       now,
		ExpiresAt:      expires,
	})
	return signed, expires, err
}
