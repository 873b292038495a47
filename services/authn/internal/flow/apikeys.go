package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// CreateKey gives an application one more key, and returns it for the only time.
func (f *Operators) CreateKey(ctx context.Context, by Actor, applicationID string, scopes []application.Scope) (application.Key, secret.Text, error) {
	now := f.now()
	made, text := newKey(applicationID, scopes, now)
	err := f.store.Update(ctx, func(tx store.Tx) error {
		_, found, err := tx.Applications.Get(applicationID)
		if err != nil {
			return err
		}
		if !found {
			return errNotFound
		}
		return issue(tx, by, made, now)
	})
	if err != nil {
		return application.Key{}, secret.Text{}, fmt.Errorf("create API key: %w", err)
	}
	return made, text, nil
}

func newKey(applicationID string, scopes []application.Scope, now time.Time) (application.Key, secret.Text) {
	text := secret.New("dwk")
	return application.Key{
		ID:            id.New("key", now),
		ApplicationID: applicationID,
		Secret:        secret.Hash(text),
		Scopes:        scopes,
		CreatedAt:     now,
	}, text
}

func issue(tx store.Tx, by Actor, k application.Key, now time.Time) error {
	if err := tx.Applications.PutKey(k); err != nil {
		return err
	}
	record := by.record(now, "api_key.create", "api_key", k.ID, "")
	record.Detail = audit.Details("application_id", k.ApplicationID, "scopes", fmt.Sprint(k.Scopes))
	return tx.Audit.Append(record)
}

// Rotated is a key's successor, and when the key itself ends.
type Rotated struct {
	Successor application.Key
	// Text is the successor itself, for the only time.
	Text   secret.Text
	OldEnd time.Time
}

// RotateKey gives a key's application a successor with the same scopes, and lets the key live on for the overlap.
func (f *Operators) RotateKey(ctx context.Context, by Actor, keyID string, overlap time.Duration) (Rotated, error) {
	now := f.now()
	made, text := newKey("", nil, now)
	until := now.Add(overlap)
	err := f.store.Update(ctx, func(tx store.Tx) error {
		old, found, err := tx.Applications.Key(keyID)
		if err != nil {
			return err
		}
		if !found {
			return errNotFound
		}
		if !old.Supersede(made.ID, until, now) {
			return errKeyEnded
		}
		made.ApplicationID, made.Scopes = old.ApplicationID, old.Scopes
		for _, k := range []application.Key{old, made} {
			if err := tx.Applications.PutKey(k); err != nil {
				return err
			}
		}
		record := by.record(now, "api_key.rotate", "api_key", old.ID, "")
		record.Detail = audit.Details("application_id", old.ApplicationID, "successor_id", made.ID,
			"expires_at", until.UTC().Format(time.RFC3339))
		return tx.Audit.Append(record)
	})
	if err != nil {
		return Rotated{}, fmt.Errorf("rotate API key: %w", err)
	}
	return Rotated{Successor: made, Text: text, OldEnd: until}, nil
}

// RevokeKey makes a key useless. note is why, for the audit record.
func (f *Operators) RevokeKey(ctx context.Context, by Actor, keyID, note string) (application.Key, error) {
	now := f.now()
	var revoked application.Key
	err := f.store.Update(ctx, func(tx store.Tx) error {
		k, found, err := tx.Applications.Key(keyID)
		if err != nil {
			return err
		}
		if !found {
			return errNotFound
		}
		changed := k.Revoke(now)
		revoked = k
		if !changed {
			return nil
		}
		if err := tx.Applications.PutKey(k); err != nil {
			return err
		}
		return tx.Audit.Append(by.record(now, "api_key.revoke", "api_key", k.ID, note))
	})
	if err != nil {
		return application.Key{}, fmt.Errorf("revoke API key: %w", err)
	}
	return revoked, nil
}
