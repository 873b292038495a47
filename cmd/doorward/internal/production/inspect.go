package production

import (
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify"
)

// ErrUnfit says that the deployment's directory can't serve production, and in its text everything that is wrong with it.
var ErrUnfit = errors.New("isn't fit for production")

// inspection collects what is wrong with a deployment's directory.
type inspection struct {
	layout  deployment.Layout
	missing []string
	wrong   []string
}

// inspect looks at everything on disk that production stands on, before anything starts.
func (c Config) inspect(logger *slog.Logger) error {
	i := inspect(c.layout(), c.authnStore(), logger)
	if c.SMTP.PasswordFile != "" {
		if _, err := secret.ReadFile(c.SMTP.PasswordFile); err != nil {
			i.found(fmt.Errorf("smtp.password_file: %w", err))
		}
	}
	return i.verdict(c.Issuer)
}

// Inspect looks at a deployment's files as serve does before it starts, without a change to them. It reports all that is missing, all that was made for
// development, and all that can't be read or that others can read. store is authn's.
func Inspect(l deployment.Layout, store, issuer string, logger *slog.Logger) error {
	return inspect(l, store, logger).verdict(issuer)
}

func inspect(l deployment.Layout, store string, logger *slog.Logger) *inspection {
	i := &inspection{layout: l}
	i.certificates(l, logger)
	i.seeds(l)
	i.authn(store, l)
	i.mailKeys(l)
	return i
}

func (i *inspection) certificates(l deployment.Layout, logger *slog.Logger) {
	authority := filepath.Join(l.Certs(), "ca.pem")
	complete := i.there(authority)
	if _, development, err := certs.Purpose(l.Certs()); err != nil {
		i.found(err)
		complete = false
	} else if development {
		i.found(fmt.Errorf("%s %w: one for production is made by %s", authority, secret.ErrDevelopment, elsewhere))
	}
	for _, name := range deployment.Names() {
		certificate, key := i.there(filepath.Join(l.Certs(), name+".pem")), i.there(filepath.Join(l.Certs(), name+".key"))
		if complete && certificate && key {
			_, err := certs.Load(l.Certs(), name, logger)
			i.found(err)
		}
	}
}

func (i *inspection) seeds(l deployment.Layout) {
	for _, name := range bus.Names() {
		i.key(bus.SeedFile(l.NATS(), name), func(path string) error { _, err := bus.ReadIdentity(path, name); return err })
	}
}

// authn looks at authn's store, and at the key that it was made under. Where only one of the two is left, or the API keys that the store knew, the other isn't
// made anew: it comes from its backup.
func (i *inspection) authn(store string, l deployment.Layout) {
	key := filepath.Join(l.Keys(), "authn.key")
	stored, keyed := exists(store), exists(key)
	used := keyed || exists(l.AppEnv()) || exists(l.OperatorEnv())
	if !stored && !used {
		i.there(store)
		i.there(key)
		return
	}
	if !keyed {
		i.found(fmt.Errorf("%s is gone, and %s was made under it: bring it back from its backup", key, store))
	} else {
		i.key(key, func(path string) error { _, err := secret.LoadKey(path); return err })
	}
	if !stored {
		i.found(fmt.Errorf("%s is gone: restore it: doorward restore authn --from … --dir %s (docs/backup.md says more; to begin anew, name another directory)",
			store, filepath.Dir(filepath.Dir(store))))
	}
}

// exists says whether a file is there. One that can't be looked at is: whoever reads it says what is wrong.
func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, fs.ErrNotExist)
}

// mailKeys looks at every key that opens mails, and at the public half of the current one, to which mails are sealed.
func (i *inspection) mailKeys(l deployment.Layout) {
	keys, err := notify.SealKeys(l.MailKeys())
	i.found(err)
	if len(keys) == 0 {
		keys = []string{l.MailKey()}
	}
	for _, key := range keys {
		i.key(key, func(path string) error { _, err := seal.LoadOpener(path); return err })
	}
	i.key(keys[0]+seal.PublicSuffix, func(path string) error { _, err := seal.LoadRecipient(path); return err })
}

// elsewhere is how what was made for development is left behind.
const elsewhere = "doorward init in a directory of its own"

// key looks at one key file.
func (i *inspection) key(path string, load func(string) error) {
	if i.there(path) {
		i.found(load(path))
		i.found(secret.RefuseDevelopment(path, elsewhere))
	}
}

// there notes a file that is missing.
func (i *inspection) there(path string) bool {
	_, err := os.Stat(path)
	if !errors.Is(err, fs.ErrNotExist) {
		i.found(err)
		return err == nil
	}
	if name, err := filepath.Rel(i.layout.Dir, path); err == nil {
		path = name
	}
	i.missing = append(i.missing, path)
	return false
}

// found notes a fault; nil is none.
func (i *inspection) found(fault error) {
	if fault != nil {
		i.wrong = append(i.wrong, fault.Error())
	}
}

func (i *inspection) verdict(issuer string) error {
	lines := i.wrong
	if len(i.missing) > 0 {
		lines = append([]string{fmt.Sprintf("it lacks %s: doorward init --dir %s --issuer %s --audience … makes what is missing, and leaves alone what is there",
			strings.Join(i.missing, ", "), i.layout.Dir, issuer)}, lines...)
	}
	if len(lines) == 0 {
		return nil
	}
	return fmt.Errorf("%s %w:\n  %s", i.layout.Dir, ErrUnfit, strings.Join(lines, "\n  "))
}
