package deployment

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn"
)

// FirstKeys are the API keys that a deployment begins with. They are kept in its env files, and nowhere else.
type FirstKeys struct {
	// Application may speak for users.
	Application secret.Text
	// Operator may do what operators do.
	Operator secret.Text
}

// FirstKeys makes them, together with authn.key, or takes them from the env files that an earlier call wrote: then it opens no store, so that authn may
// be running. cfg says where authn keeps its store and its key. What the env files say of issuer and audience stays.
func (l Layout) FirstKeys(ctx context.Context, cfg authn.Config, audience string) (FirstKeys, error) {
	app, err := ReadEnv(l.AppEnv())
	if err != nil {
		return FirstKeys{}, err
	}
	operator, err := ReadEnv(l.OperatorEnv())
	if err != nil {
		return FirstKeys{}, err
	}
	if app.Get(keyVariable) != "" && operator.Get(keyVariable) != "" {
		if first := app.Get(audienceVariable); first != audience {
			return FirstKeys{}, fmt.Errorf("the first application's audience is %q, and stays it: give that one, or make another application for %q", first, audience)
		}
		// Not there yet when an earlier call was cut off.
		if first := app.Get(issuerVariable); first != "" && first != cfg.Issuer {
			return FirstKeys{}, fmt.Errorf("the deployment's issuer is %q: give that one. A change ends the tokens in use; to make it all the same, "+
				"correct the issuer of authn and the %s of %s first", first, issuerVariable, l.AppEnv())
		}
		return FirstKeys{Application: secret.Wrap(app.Get(keyVariable)), Operator: secret.Wrap(operator.Get(keyVariable))}, nil
	}
	return l.makeFirstKeys(ctx, cfg, audience)
}

func (l Layout) makeFirstKeys(ctx context.Context, cfg authn.Config, audience string) (FirstKeys, error) {
	store := filepath.Join(cfg.DataDir, "authn.db")
	if key := filepath.Join(cfg.KeysDir, "authn.key"); there(key) && !there(store) {
		return FirstKeys{}, fmt.Errorf("%s is there but %s isn't, which was made under it: restore it (docs/backup.md), or name another directory to begin anew", key, store)
	}
	first, err := authn.Bootstrap(ctx, cfg, audience)
	if errors.Is(err, authn.ErrBootstrapped) {
		return FirstKeys{}, fmt.Errorf("%s has users but %s or %s is gone, and with it the only copy of an API key: put it back, or make new keys "+
			"with the operator's certificate, DOORWARD_CERTS=%s (docs/backup.md), or delete the directory to begin anew", l.Dir, l.AppEnv(), l.OperatorEnv(), l.Certs())
	}
	if err != nil {
		return FirstKeys{}, err
	}
	keys := FirstKeys{Application: first.ApplicationKey, Operator: first.OperatorKey}
	// Written at once, and again with the addresses: the keys are shown this one time.
	return keys, errors.Join(
		Env{{keyVariable, keys.Application.Reveal()}, {audienceVariable, audience}}.write(l.AppEnv(), l.AppEnv()),
		Env{{keyVariable, keys.Operator.Reveal()}}.write(l.OperatorEnv(), l.OperatorEnv()),
	)
}

// What is read back of an env file.
const (
	keyVariable      = "DOORWARD_API_KEY" // in both
	audienceVariable = "DOORWARD_AUDIENCE"
	issuerVariable   = "DOORWARD_ISSUER"
)
