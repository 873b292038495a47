package deployment

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
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

// Prepared is what Prepare found or made.
type Prepared struct {
	Identities []bus.Identity
	// Made says, for people, what others have or will have copies of, and is new.
	Made []string
}

// Prepare makes the certificates, the nkeys and the key that mails are sealed to, and leaves alone what is there. hosts are more names or addresses under
// which servers are reached.
func (l Layout) Prepare(now time.Time, hosts ...string) (done Prepared, err error) {
	if err := l.checkPurpose(); err != nil {
		return done, err
	}
	issued, err := certs.Create(l.Certs(), Names(), certs.Options{Now: now, Hosts: hosts, Development: l.Development})
	if err != nil {
		return done, err
	}
	done.tell(slices.Contains(issued, certs.Authority), "a new CA", l.Certs())
	for _, dir := range []string{l.Dir, l.Keys(), l.MailKeys(), l.Data()} {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			return done, fmt.Errorf("make the deployment's directory (another one: --dir): %w", err)
		}
	}
	done.tell(!there(l.MailKey()), "a new key that mails are sealed to", l.MailKeys())
	if _, err := seal.CreateKey(l.MailKey(), l.marks()...); err != nil {
		return done, fmt.Errorf("make the key that mails are sealed to: %w", err)
	}
	done.tell(slices.ContainsFunc(bus.Names(), func(name bus.Name) bool { return !there(bus.SeedFile(l.NATS(), name)) }), "new nkeys", l.NATS())
	if done.Identities, err = bus.CreateIdentities(l.NATS(), l.marks()...); err != nil {
		return done, err
	}
	if err := secret.ReplaceFile(l.NATSConf(), []byte(bus.RenderConfFor(done.Identities))); err != nil {
		return done, fmt.Errorf("write %s: %w", l.NATSConf(), err)
	}
	return done, nil
}

func (p *Prepared) tell(made bool, what, where string) {
	if made {
		p.Made = append(p.Made, what+" in "+where)
	}
}

// there says whether a file is where it belongs. One that can't be looked at is: whoever reads it next says what is wrong.
func there(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
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
