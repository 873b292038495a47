package deployment

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/internal/secret"
)

// share is who sees which files of the layout.
type share struct {
	name string
	// files are patterns below the deployment's directory. A certificate's key comes before the certificate, as patterns sort.
	files []string
}

// shares lists everything that leaves the deployment's directory. What stands in no line, ca.key first of all, stays there; but for the CA's certificate no
// file stands in two.
var shares = []share{
	{"authn", []string{"certs/authn.*", "nats/authn.nk", "keys/authn.key", "keys/mail/*.pub"}},
	{"risk", []string{"certs/risk.*", "nats/risk.nk"}},
	{"notify", []string{"certs/notify.*", "nats/notify.nk", "keys/mail/*.key"}},
	{"portal", []string{"certs/portal.*"}},
	{"nats", []string{"certs/nats.*", natsConfName}},
	{applicationShare, []string{"nats/sdk.nk"}},
	{operatorShare, []string{"certs/operator.*", "nats/operator.nk"}},
}

// The folders of those who are no services. They hold an env file too.
const (
	applicationShare = "application"
	operatorShare    = "operator"
)

// Share lays a folder for each service below dir, and one for the application and the operator with their env files: each has the deployment's layout,
// and in it what that one may see. Files that changed are replaced. The env files name files below filesAt, which is where their readers keep copies of
// the two folders; without it, they name the folders themselves.
func (l Layout) Share(dir, filesAt string, keys FirstKeys, at Contacts) error {
	for _, share := range shares {
		if err := l.give(share, filepath.Join(dir, share.name)); err != nil {
			return fmt.Errorf("share the files of %s: %w", share.name, err)
		}
	}
	if at.Subscriber {
		events := share{applicationShare, []string{"nats/subscriber.nk"}}
		if err := l.give(events, filepath.Join(dir, events.name)); err != nil {
			return fmt.Errorf("share the nkey for events: %w", err)
		}
	}
	for _, env := range []struct {
		share, name string
		make        func(FirstKeys, string) Env
	}{
		{applicationShare, l.appEnvName(), at.application}, {operatorShare, operatorEnvName, at.operator},
	} {
		folder, base := filepath.Join(dir, env.share), filesAt
		if base == "" {
			base = absolute(folder)
		}
		if err := env.make(keys, base).write(filepath.Join(folder, env.name), filepath.Join(base, env.name)); err != nil {
			return err
		}
	}
	return nil
}

func (l Layout) give(to share, dir string) error {
	for _, pattern := range append([]string{"certs/ca.pem"}, to.files...) {
		paths, err := filepath.Glob(filepath.Join(l.Dir, filepath.FromSlash(pattern)))
		if err != nil {
			return err
		}
		if len(paths) == 0 {
			return fmt.Errorf("%s has no %s", l.Dir, pattern)
		}
		for _, path := range paths {
			name, err := filepath.Rel(l.Dir, path)
			if err != nil {
				return err
			}
			if err := replicate(path, filepath.Join(dir, name)); err != nil {
				return err
			}
		}
	}
	return nil
}

// replicate makes one file the same as another, and leaves it alone when it is.
func replicate(from, to string) error {
	content, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	have, err := os.ReadFile(to)
	if err == nil && bytes.Equal(have, content) {
		return nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(to), 0o700); err != nil {
		return err
	}
	return secret.ReplaceFile(to, content)
}

// ShareData is where a service keeps its store, when its folder is below dir.
func ShareData(dir, service string) string { return Layout{Dir: filepath.Join(dir, service)}.Data() }
