package flow

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// Sessions keeps sessions going, tells whether one still is, and ends them.
type Sessions struct {
	Deps
	refreshers token.Refreshers
}

// NewSessions puts the use cases together.
func NewSessions(d Deps) *Sessions {
	return &Sessions{Deps: d, refreshers: token.NewRefreshers(d.Secrets.Refresh)}
}

// Tokens are the next pair of a session.
type Tokens struct {
	Session      session.Session
	SessionToken secret.Text
	ExpiresAt    time.Time
	RefreshToken secret.Text
}

// Refresh exchanges a refresh token for its successor and a new session token. Who presents it must hold the device's secret too.
func (f *Sessions) Refresh(ctx context.Context, applicationID string, client Client, presented secret.Text) (Tokens, error) {
	now, rules := f.Now(), f.Policy(ctx)
	genuine, ok := f.refreshers.Read(presented)
	if err := f.paceRefresh(Ticket{ApplicationID: applicationID, Client: client}, genuine, ok, rules); err != nil {
		return Tokens{}, fmt.Errorf("refresh session: %w", err)
	}
	if !ok {
		return Tokens{}, errRefreshInvalid
	}
	successor := f.refreshers.Successor(genuine)
	presenter := presenter{token: genuine, applicationID: applicationID, device: client.deviceDigest(), now: now}
	var refreshed session.Session
	var refused error
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		h, err := f.holder(tx, presenter)
		if refused = h.refused; refused != nil || err != nil {
			return err
		}
		switch h.session.Present(genuine.Digest(), successor.Digest(), now, h.user.Epoch, rules.RefreshGrace) {
		case session.UseNext, session.UseAgain:
			refreshed = h.session
			return tx.Sessions.Put(h.session)
		case session.UseReuse:
			refused = errRefreshReused
			if err := tellEnded(tx, &h.user, &h.session); err != nil {
				return err
			}
			return tx.Users.Put(h.user)
		case session.UseRefused:
		}
		refused = errSessionEnded
		return nil
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return Tokens{}, fmt.Errorf("refresh session: %w", err)
	}
	signed, expires, err := sign(f.Keyring(), refreshed, now, rules.SessionTokenLifetime)
	if err != nil {
		return Tokens{}, errInternal.Because(err)
	}
	return Tokens{Session: refreshed, SessionToken: signed, ExpiresAt: expires, RefreshToken: successor.Text}, nil
}

// presenter is who presents a genuine refresh token.
type presenter struct {
	token         token.Refresh
	applicationID string
	device        secret.Digest
	now           time.Time
}

// holder is the session that a presenter holds, and its user. A refusal is a value, so that what was written beside it stands.
type holder struct {
	session session.Session
	user    account.User
	refused error
}

// holder finds the session of a refresh token, if it is presented by the application and device that the session belongs to.
func (f *Sessions) holder(tx store.Tx, p presenter) (holder, error) {
	refused := holder{refused: errRefreshInvalid}
	s, found, err := tx.Sessions.Get(p.token.SessionID)
	if err != nil || !found || s.ApplicationID != p.applicationID {
		return refused, err
	}
	user, found, err := tx.Users.Get(s.UserID)
	if err != nil || !found {
		return refused, err
	}
	d, found, err := tx.Devices.Get(s.DeviceID)
	if err != nil || !found {
		return refused, err
	}
	switch d.Recognise(p.device, p.now) {
	case device.Known, device.Lapsed:
		return holder{session: s, user: user}, nil
	case device.Copied:
		d.Untrust(p.now)
		f.Logger.Warn("replaced device secret presented; device untrusted",
			slog.String("user_id", user.ID), slog.String("device_id", d.ID))
		return refused, tx.Devices.Put(d)
	case device.Stranger:
	}
	return refused, nil
}

// Verified is what a good session token names.
type Verified struct {
	UserID, SessionID string
	// SessionExpiresAt is when the session ends at the latest.
	SessionExpiresAt time.Time
}

// Verify checks a session token against the session itself, for an application that it was issued to: whoever holds a token of another
// audience learns nothing from it here.
func (f *Sessions) Verify(ctx context.Context, applicationID string, presented secret.Text) (Verified, error) {
	now := f.Now()
	claims, err := f.Keyring().Read(presented, now)
	switch {
	case errors.Is(err, token.ErrExpired):
		return Verified{}, errSessionTokenExpired
	case err != nil:
		return Verified{}, errSessionTokenInvalid.Because(err)
	}
	verified, audience, active := Verified{UserID: claims.Subject, SessionID: claims.Session}, claims.Audience, false
	err = f.Store.View(ctx, func(tx store.Tx) error {
		caller, found, err := tx.Applications.Get(applicationID)
		if err != nil {
			return err
		}
		if !found || caller.Audience != audience {
			return errSessionTokenInvalid
		}
		s, found, err := tx.Sessions.Get(verified.SessionID)
		if err != nil || !found {
			return err
		}
		user, found, err := tx.Users.Get(s.UserID)
		verified.SessionExpiresAt = s.ExpiresAt
		active = found && user.ID == verified.UserID && s.Active(now, user.Epoch)
		return err
	})
	if err != nil {
		return Verified{}, fmt.Errorf("verify session: %w", err)
	}
	if !active {
		return Verified{}, errSessionEnded
	}
	return verified, nil
}
