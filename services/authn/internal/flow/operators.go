package flow

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Operators keeps applications and their API keys.
type Operators struct {
	store store.Store
	now   func() time.Time
}

// NewOperators puts the use cases together.
func NewOperators(s store.Store, now func() time.Time) *Operators {
	return &Operators{store: s, now: now}
}

// CreateApplication registers an application, without a key.
func (f *Operators) CreateApplication(ctx context.Context, by Actor, name, audience string) (application.Application, error) {
	now := f.now()
	made := application.Application{ID: id.New("app", now), Name: name, Audience: audience, CreatedAt: now}
	err := f.store.Update(ctx, func(tx store.Tx) error { return register(tx, by, made, now) })
	if err != nil {
		return application.Application{}, fmt.Errorf("create application: %w", err)
	}
	return made, nil
}

func register(tx store.Tx, by Actor, a application.Application, now time.Time) error {
	_, taken, err := tx.Applications.ByName(a.Name)
	if err != nil {
		return err
	}
	if taken {
		return errNameTaken
	}
	if err := tx.Applications.Put(a); err != nil {
		return err
	}
	return tx.Audit.Append(by.record(now, "application.create", "application", a.ID, ""))
}

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

// RevokeKey makes a key useless.
func (f *Operators) RevokeKey(ctx context.Context, by Actor, keyID string) (application.Key, error) {
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
		return tx.Audit.Append(by.record(now, "api_key.revoke", "api_key", k.ID, ""))
	})
	if err != nil {
		return application.Key{}, fmt.Errorf("revoke API key: %w", err)
	}
	return revoked, nil
}

// Bootstrapped is what a deployment begins with: one application that may speak for users, and one for the operators.
type Bootstrapped struct {
	ApplicationID  string
	Audience       string
	ApplicationKey secret.Text
	OperatorKey    secret.Text
}

// ErrBootstrapped says that a deployment has its first keys already.
var ErrBootstrapped = errors.New("the first API keys were made before; an operator can make more")

// The names of the first two applications.
const (
	firstApplication = "application"
	firstOperator    = "operator"
)

// Bootstrap makes a deployment's first two API keys, once.
func (f *Operators) Bootstrap(ctx context.Context, audience string) (Bootstrapped, error) {
	now := f.now()
	by := Actor{Actor: audit.Actor{Kind: audit.System, ID: "authn"}, Authority: "bootstrap on the store"}
	app := application.Application{ID: id.New("app", now), Name: firstApplication, Audience: audience, CreatedAt: now}
	ops := application.Application{ID: id.New("app", now), Name: firstOperator, Audience: firstOperator, CreatedAt: now}
	appKey, appText := newKey(app.ID, []application.Scope{application.SpeakForUsers}, now)
	opsKey, opsText := newKey(ops.ID, []application.Scope{application.Operator}, now)
	err := f.store.Update(ctx, func(tx store.Tx) error {
		for _, name := range []string{firstApplication, firstOperator} {
			_, taken, err := tx.Applications.ByName(name)
			if err != nil {
				return err
			}
			if taken {
				return ErrBootstrapped
			}
		}
		for _, a := range []application.Application{app, ops} {
			if err := register(tx, by, a, now); err != nil {
				return err
			}
		}
		for _, k := range []application.Key{appKey, opsKey} {
			if err := issue(tx, by, k, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return Bootstrapped{}, fmt.Errorf("bootstrap: %w", err)
	}
	return Bootstrapped{ApplicationID: app.ID, Audience: audience, ApplicationKey: appText, OperatorKey: opsText}, nil
}
