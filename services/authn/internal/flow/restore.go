package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/token"
)

// Restorer makes a store that came back from a backup fit for service: nothing that was issued until the restore is good any more, since
// nothing in the store says what was revoked after the backup. It works on a store that nobody serves from, in many transactions; a restore
// that was cut off begins again with the backup.
type Restorer struct {
	store   store.Store
	sealing secret.Key
	now     func() time.Time
}

// NewRestorer puts the use case together. sealing is the key that signing keys are sealed under.
func NewRestorer(s store.Store, sealing secret.Key, now func() time.Time) *Restorer {
	return &Restorer{store: s, sealing: sealing, now: now}
}

// Restoration says which backup came back, and how it is treated.
type Restoration struct {
	By   Actor
	Note string
	From backup.Manifest
	// UntrustDevices also takes every device's trust away.
	UntrustDevices bool
	// Progress hears how many users are done, of how many.
	Progress func(done, of int64)
}

// Restored counts what ended.
type Restored struct {
	Users       int `json:"users"`
	Sessions    int `json:"ended_sessions"`
	Attempts    int `json:"ended_attempts"`
	Invitations int `json:"ended_invitations"`
	SigningKeys int `json:"replaced_signing_keys"`
	Devices     int `json:"untrusted_devices"`
}

// Restore ends all sessions, attempts and invitations, replaces the signing keys, and raises every user's epoch and version.
func (f *Restorer) Restore(ctx context.Context, r Restoration) (Restored, error) {
	var done Restored
	for _, step := range []func(context.Context, Restoration, *Restored) error{f.replaceKeys, f.endAttempts, f.endInvitations, f.restoreUsers, f.note} {
		if err := step(ctx, r, &done); err != nil {
			return Restored{}, fmt.Errorf("restore: %w", err)
		}
	}
	return done, nil
}

// replaceKeys comes first: that the keys can be opened shows that the key file is the backup's, and verifiers are to hear of the revoked keys
// before the events of all sessions.
func (f *Restorer) replaceKeys(ctx context.Context, _ Restoration, done *Restored) error {
	now := f.now()
	made, err := token.NewSigningKey(f.sealing, now, now)
	if err != nil {
		return err
	}
	if err := f.openKeys(ctx); err != nil {
		return err
	}
	return f.store.Update(ctx, func(tx store.Tx) error {
		_, revoked, err := revokeKeys(tx, now)
		if err != nil {
			return err
		}
		done.SigningKeys = len(revoked)
		return tx.SigningKeys.Put(made)
	})
}

func (f *Restorer) openKeys(ctx context.Context) error {
	var held []token.SigningKey
	err := f.store.View(ctx, func(tx store.Tx) (err error) {
		held, err = tx.SigningKeys.List()
		return err
	})
	if err != nil {
		return err
	}
	_, err = token.NewKeyring("", f.sealing, held)
	return err
}

// forever is beyond the life of every attempt.
const forever = 100 * 365 * 24 * time.Hour

// endAttempts deletes all attempts, and with them their codes. It doesn't tell of those that were abandoned after a right password: they
// ended after the backup, and that was told.
func (f *Restorer) endAttempts(ctx context.Context, _ Restoration, done *Restored) error {
	end := f.now().Add(forever)
	for {
		var ended int
		err := f.store.Update(ctx, func(tx store.Tx) error {
			attempts, err := tx.Attempts.Expired(end, sweepBatch)
			if err != nil {
				return err
			}
			for _, a := range attempts {
				if err := tx.Attempts.Delete(a.ID); err != nil {
					return err
				}
			}
			ended = len(attempts)
			return nil
		})
		if err != nil {
			return err
		}
		done.Attempts += ended
		if ended < sweepBatch {
			return nil
		}
	}
}

// endInvitations revokes those that are pending: some may have been revoked or accepted after the backup, and would be good once more.
func (f *Restorer) endInvitations(ctx context.Context, r Restoration, done *Restored) error {
	now := f.now()
	for last := ""; ; {
		var batch []invitation.Invitation
		var ended int
		err := f.store.Update(ctx, func(tx store.Tx) (err error) {
			ended = 0
			if batch, err = tx.Invitations.List(last, sweepBatch); err != nil {
				return err
			}
			for _, i := range batch {
				if !i.Revoke(r.By.ID, now) {
					continue
				}
				if err := tx.Invitations.Put(i); err != nil {
					return err
				}
				ended++
			}
			return nil
		})
		if err != nil {
			return err
		}
		done.Invitations += ended
		if len(batch) < sweepBatch {
			return nil
		}
		last = batch[len(batch)-1].ID
	}
}

// restoreUsers goes through all users, a batch at a time.
func (f *Restorer) restoreUsers(ctx context.Context, r Restoration, done *Restored) error {
	var all int
	err := f.store.View(ctx, func(tx store.Tx) (err error) {
		all, err = tx.Users.Count()
		return err
	})
	for last, batch := "", []account.User(nil); err == nil; {
		var ended Restored
		err = f.store.Update(ctx, func(tx store.Tx) (err error) {
			ended = Restored{}
			if batch, err = tx.Users.List(last, sweepBatch); err != nil {
				return err
			}
			for _, user := range batch {
				if err := f.restoreUser(tx, user, r.UntrustDevices, &ended); err != nil {
					return fmt.Errorf("user %s: %w", user.ID, err)
				}
			}
			return nil
		})
		if err != nil || len(batch) == 0 {
			return err
		}
		last = batch[len(batch)-1].ID
		done.Users += ended.Users
		done.Sessions += ended.Sessions
		done.Devices += ended.Devices
		if r.Progress != nil {
			r.Progress(int64(done.Users), int64(all))
		}
	}
	return err
}

// restoreUser ends the user's sessions. The SDKs needn't hear of each: they refuse whatever the revoked keys signed.
func (f *Restorer) restoreUser(tx store.Tx, user account.User, untrustDevices bool, done *Restored) error {
	now := f.now()
	if err := user.Restore(now); err != nil {
		return err
	}
	sessions, err := tx.Sessions.ActiveOfUser(user.ID)
	if err != nil {
		return err
	}
	for _, s := range sessions {
		if !now.Before(s.ExpiresAt) || !s.Finish(session.EndRestored, now) {
			continue
		}
		if err := tx.Sessions.Put(s); err != nil {
			return err
		}
		if err := tellRevoked(tx, &user, &s); err != nil {
			return err
		}
		done.Sessions++
	}
	if untrustDevices {
		if err := untrustAll(tx, &user, done, now); err != nil {
			return err
		}
	}
	done.Users++
	return tx.Users.Put(user)
}

func untrustAll(tx store.Tx, user *account.User, done *Restored, now time.Time) error {
	devices, err := tx.Devices.OfUser(user.ID)
	if err != nil {
		return err
	}
	for _, d := range devices {
		if !d.Trusted(now) {
			continue
		}
		if err := untrust(tx, user, &d, causeRestored, now); err != nil {
			return err
		}
		done.Devices++
	}
	return nil
}

// note puts the restore on record, when all else is done.
func (f *Restorer) note(ctx context.Context, r Restoration, done *Restored) error {
	by := audit.Record{Actor: r.By.Actor, Authority: r.By.Authority, Reason: r.Note, Detail: audit.Details(
		"users", done.Users, "ended_sessions", done.Sessions, "ended_attempts", done.Attempts, "ended_invitations", done.Invitations,
		"replaced_signing_keys", done.SigningKeys, "untrusted_devices", done.Devices,
	)}
	record := r.From.Restored(by, f.now())
	return f.store.Update(ctx, func(tx store.Tx) error { return tx.Audit.Append(record) })
}
