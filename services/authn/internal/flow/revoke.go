package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// List is a page of a user's sessions, newest first, and where the next page begins.
func (f *Sessions) List(ctx context.Context, w Whose, before string, limit int) (page []session.Session, next string, err error) {
	err = f.Store.View(ctx, func(tx store.Tx) error {
		user, err := w.find(tx)
		if err != nil {
			return err
		}
		page, err = tx.Sessions.OfUser(user.ID, before, limit+1)
		return err
	})
	if err != nil {
		return nil, "", fmt.Errorf("list sessions: %w", err)
	}
	page, next = cut(page, limit, func(s session.Session) string { return s.ID })
	return page, next, nil
}

// Revoke ends a session at once.
func (f *Sessions) Revoke(ctx context.Context, by Actor, sessionID, note string) (session.Session, error) {
	now := f.Now()
	var revoked session.Session
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		s, found, err := tx.Sessions.Get(sessionID)
		if err != nil {
			return err
		}
		if !found {
			return errNotFound
		}
		user, err := foundUser(tx.Users.Get(s.UserID))
		if err != nil {
			return err
		}
		if err := endSession(tx, &user, &s, session.EndRevoked, now); err != nil {
			return err
		}
		revoked = s
		if err := tx.Users.Put(user); err != nil {
			return err
		}
		return tx.Audit.Append(by.record(now, "session.revoke", "session", s.ID, note))
	})
	if err != nil {
		return session.Session{}, fmt.Errorf("revoke session: %w", err)
	}
	return revoked, nil
}

// Revoked is what ended at an operator's word.
type Revoked struct {
	UserID   string
	Sessions []string
}

// RevokeAll ends all of a user's sessions at once. The next sign-in asks for what it asked for before.
func (f *Sessions) RevokeAll(ctx context.Context, by Actor, w Whose, note string) (Revoked, error) {
	now := f.Now()
	var revoked Revoked
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		user, err := w.find(tx)
		if err != nil {
			return err
		}
		ended, err := endSessions(tx, &user, session.EndRevoked, now, func(session.Session) bool { return true })
		if err != nil {
			return err
		}
		revoked = Revoked{UserID: user.ID, Sessions: ended}
		if err := tx.Users.Put(user); err != nil {
			return err
		}
		record := by.record(now, "session.revoke_all", "user", user.ID, note)
		record.Detail = audit.Details("ended_sessions", ended)
		return tx.Audit.Append(record)
	})
	if err != nil {
		return Revoked{}, fmt.Errorf("revoke a user's sessions: %w", err)
	}
	return revoked, nil
}

// endSessions ends those of a user's sessions that are chosen, and names them. A session whose lifetime is over has ended by itself.
func endSessions(tx store.Tx, user *account.User, why session.End, now time.Time, choose func(session.Session) bool) ([]string, error) {
	sessions, err := tx.Sessions.ActiveOfUser(user.ID)
	if err != nil {
		return nil, err
	}
	var ended []string
	for _, s := range sessions {
		if !now.Before(s.ExpiresAt) || !choose(s) {
			continue
		}
		if err := endSession(tx, user, &s, why, now); err != nil {
			return nil, err
		}
		ended = append(ended, s.ID)
	}
	return ended, nil
}
