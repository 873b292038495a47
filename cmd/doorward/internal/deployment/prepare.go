package deployment

import (
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
)

// Names are the identities that certificates are made for.
func Names() []string { return []string{"authn", "risk", "notify", "portal", "nats", "operator"} }

// ErrPurpose refuses to complete for production what was made for development, or the other way round. Nothing was changed.
var ErrPurpose = errors.New("name another directory with --dir")

// Prepare makes the certificates, the nkeys and the key that mails are sealed to, and leaves alone what is there. It returns all identities. hosts are more
// names or addresses under which servers are reached.
func (l Layout) Prepare(now time.Time, hosts ...string) ([]bus.Identity, error) {
	if err := l.checkPurpose(); err != nil {
		return nil, err
	}
	if _, err := certs.Create(l.Certs(), Names(), certs.Options{Now: now, Hosts: hosts, Development: l.Development}); err != nil {
		return nil, err
	}
	for _, dir := range []string{l.Dir, l.Keys(), l.MailKeys(), l.Data()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return nil, fmt.Errorf("make the deployment's directory (another one: --dir): %w", err)
		}
	}
	if _, err := seal.CreateKey(l.MailKey(), l.marks()...); err != nil {
		return nil, fmt.Errorf("make the key that mails are sealed to: %w", err)
	}
	identities, err := bus.CreateIdentities(l.NATS(), l.marks()...)
	if err != nil {
		return nil, err
	}
	if err := secret.ReplaceFile(l.NATSConf(), []byte(bus.RenderConfFor(identities))); err != nil {
		return nil, fmt.Errorf("write %s: %w", l.NATSConf(), err)
	}
	return identities, nil
}

// marks are those of the keys that are made.
func (l Layout) marks() []secret.Mark {
	if l.Development {
		return []secret.Mark{secret.ForDevelopment}
	}
	return nil
}

func (l Layout) checkPurpose() error {
	found, development, err := certs.Purpose(l.Certs())
	switch {
	case err != nil:
		return err
	case !found || development == l.Development:
		return nil
	case development:
		return fmt.Errorf("%s is a developer's, made by doorward dev: %w", l.Dir, ErrPurpose)
	default:
		return fmt.Errorf("%s is a deployment's, made by doorward init: %w", l.Dir, ErrPurpose)
	}
}
