package flow

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/lockout"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Lock keeps an account from signing in, for good when the time is 0.
func (f *Users) Lock(ctx context.Context, by Actor, w Whose, d time.Duration, note string) (account.User, error) {
	return f.change(ctx, by, w, "user.lock", note, func(tx store.Tx, user *account.User, now time.Time) (map[string]string, error) {
		user.LockFor(d, now)
		locked := &eventv1.UserLocked{UserId: user.ID, Cause: causeOperator, LockedAt: timestamppb.New(now)}
		detail := "until unlocked"
		if until := user.Lock.Until; !until.IsZero() {
			locked.LockedUntil, detail = timestamppb.New(until), until.UTC().Format(time.RFC3339)
		}
		_, err := appendEvent(tx, user, subjectUserLocked, typeUserLocked, now, locked)
		return audit.Details("until", detail), err
	})
}

// Unlock ends a lock, and lets the account's addresses try again at once.
func (f *Users) Unlock(ctx context.Context, by Actor, w Whose, note string) (account.User, error) {
	rules := f.Policy(ctx).Lockout()
	return f.change(ctx, by, w, "user.unlock", note, func(tx store.Tx, user *account.User, now time.Time) (detail map[string]string, err error) {
		if user.Unlock(now) {
			_, err = appendEvent(tx, user, subjectUserUnlocked, typeUserUnlocked, now,
				&eventv1.UserUnlocked{UserId: user.ID, UnlockedAt: timestamppb.New(now)})
		}
		if err == nil {
			err = f.forgetFailures(tx, user, rules)
		}
		return nil, err
	})
}

// forgetFailures ends the waits of all of the account's addresses.
func (f *Users) forgetFailures(tx store.Tx, user *account.User, rules lockout.Rules) error {
	for _, email := range user.Emails {
		for _, factor := range attempt.Factors() {
			key := f.Secrets.lockoutKey(email.Canonical, factor)
			record, err := tx.Lockouts.Get(key)
			if err != nil {
				return err
			}
			record.Unlock()
			if err := tx.Lockouts.Put(key, record, record.ForgetAt(rules)); err != nil {
				return err
			}
		}
	}
	return nil
}

// Ban shuts an account out, and ends its sessions.
func (f *Users) Ban(ctx context.Context, by Actor, w Whose, note string) (user account.User, ended []string, err error) {
	user, err = f.change(ctx, by, w, "user.ban", note, func(tx store.Tx, user *account.User, now time.Time) (detail map[string]string, err error) {
		if user.Ban(now) {
			_, err = appendEvent(tx, user, subjectUserBanned, typeUserBanned, now,
				&eventv1.UserBanned{UserId: user.ID, BannedAt: timestamppb.New(now)})
		}
		if err == nil {
			ended, err = endSessions(tx, user, session.EndBanned, now, func(session.Session) bool { return true })
		}
		return audit.Details("ended_sessions", ended), err
	})
	return user, ended, err
}

// Unban lifts a ban.
func (f *Users) Unban(ctx context.Context, by Actor, w Whose, note string) (account.User, error) {
	return f.change(ctx, by, w, "user.unban", note, func(tx store.Tx, user *account.User, now time.Time) (detail map[string]string, err error) {
		if user.Unban() {
			_, err = appendEvent(tx, user, subjectUserUnbanned, typeUserUnbanned, now,
				&eventv1.UserUnbanned{UserId: user.ID, UnbannedAt: timestamppb.New(now)})
		}
		return nil, err
	})
}

// change is one change of one account, with its audit record, whose detail the change gives.
func (f *Users) change(ctx context.Context, by Actor, w Whose, action, note string,
	change func(store.Tx, *account.User, time.Time) (detail map[string]string, err error),
) (changed account.User, err error) {
	now := f.Now()
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		user, err := w.find(tx)
		if err != nil {
			return err
		}
		detail, err := change(tx, &user, now)
		if err != nil {
			return err
		}
		if err := tx.Users.Put(user); err != nil {
			return err
		}
		changed = user
		record := by.record(now, action, "user", user.ID, note)
		record.Detail = detail
		return tx.Audit.Append(record)
	})
	if err != nil {
		return account.User{}, fmt.Errorf("%s: %w", action, err)
	}
	return changed, nil
}

// Marked is whose passwords were marked compromised, and what ended with that.
type Marked struct {
	UserIDs, Sessions []string
}

// MarkCompromised has users choose another password at their next sign-in: all who are named, or none.
func (f *Users) MarkCompromised(ctx context.Context, by Actor, userIDs []string, endToo bool, note string) (Marked, error) {
	m := mark{by: by, cause: causeOperator, note: note, at: f.Now(), endSessions: endToo}
	var marked Marked
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		marked = Marked{}
		for _, id := range userIDs {
			user, found, err := tx.Users.Get(id)
			if err != nil {
				return err
			}
			if !found {
				return errNotFound.With("user_id", id)
			}
			if err := marked.add(tx, user, m); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Marked{}, fmt.Errorf("mark compromised: %w", err)
	}
	return marked, nil
}

// mark is why passwords are marked compromised, and what ends with that.
type mark struct {
	by          Actor
	cause, note string
	at          time.Time
	endSessions bool
}

func (all *Marked) add(tx store.Tx, user account.User, m mark) error {
	if user.MarkCompromised(m.at) {
		all.UserIDs = append(all.UserIDs, user.ID)
		_, err := appendEvent(tx, &user, subjectCompromised, typeCompromised, m.at, &eventv1.CredentialCompromised{
			UserId: user.ID, Credential: string(attempt.Password), Cause: m.cause, MarkedAt: timestamppb.New(m.at),
		})
		if err != nil {
			return err
		}
	}
	ended, err := endSessions(tx, &user, session.EndRevoked, m.at, func(session.Session) bool { return m.endSessions })
	if err != nil {
		return err
	}
	all.Sessions = append(all.Sessions, ended...)
	if err := tx.Users.Put(user); err != nil {
		return err
	}
	record := m.by.record(m.at, "password.mark_compromised", "user", user.ID, m.note)
	record.Detail = audit.Details("cause", m.cause, "ended_sessions", ended)
	return tx.Audit.Append(record)
}
