package authn

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

// Bootstrapped is what a deployment begins with. Its keys are shown here and never again.
type Bootstrapped struct {
	// ApplicationID is the first application's, Audience the `aud` of its users' session tokens.
	ApplicationID, Audience string
	// ApplicationKey may speak for users.
	ApplicationKey secret.Text
	// OperatorKey may do what operators do.
	OperatorKey secret.Text
}

// ErrBootstrapped says that a deployment has its first keys already. Nothing was changed.
var ErrBootstrapped = flow.ErrBootstrapped

// Bootstrap makes what a new deployment needs before authn can start: authn.key, one application with its key, and an operator's key. It
// works on the files, so authn mustn't be running, and it works once: ErrBootstrapped when it was done before. A deployment that lost the
// keys it was given makes new ones with the certificate named `operator`.
func Bootstrap(ctx context.Context, cfg Config, audience string) (made Bootstrapped, err error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return Bootstrapped{}, fmt.Errorf("authn: %w", faults)
	}
	if audience == "" {
		return Bootstrapped{}, errors.New("authn: bootstrap needs the audience of the first application's session tokens")
	}
	if err := cfg.refuseDevelopment(); err != nil {
		return Bootstrapped{}, fmt.Errorf("authn: %w", err)
	}
	s, err := boltstore.Open(cfg.storeFile(), boltstore.Options{})
	if err != nil {
		return Bootstrapped{}, fmt.Errorf("authn: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if _, err := masterKey(ctx, cfg, s, true); err != nil {
		return Bootstrapped{}, fmt.Errorf("authn: %w", err)
	}
	first, err := flow.NewOperators(s, time.Now).Bootstrap(ctx, audience)
	if err != nil {
		return Bootstrapped{}, fmt.Errorf("authn: %w", err)
	}
	return Bootstrapped(first), nil
}
