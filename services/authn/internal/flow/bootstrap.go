package flow

import (
	"context"
	"errors"
	"fmt"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/store"
)

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
