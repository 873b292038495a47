package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"time"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
)

type backupCmd struct {
	Dir     string   `required:"" placeholder:"DIR" help:"The folder that takes <service>.db and <service>.json: one for each backup, such as one named after the day."`
	Service []string `enum:"authn,risk,notify" default:"authn,risk,notify" help:"Whose stores; all three when left out."`
	Replace bool     `help:"Replace copies that lie there."`
	JSON    bool     `name:"json" help:"Print what was taken as JSON."`

	Authn  string `placeholder:"HOST:PORT" help:"authn's address, instead of DOORWARD_ADDRESS."`
	Risk   string `placeholder:"HOST:PORT" help:"risk's address, instead of DOORWARD_RISK_ADDRESS."`
	Notify string `placeholder:"HOST:PORT" help:"notify's address, instead of DOORWARD_NOTIFY_ADDRESS."`
	Certs  string `placeholder:"DIR" help:"Directory of the operator's certificate, instead of DOORWARD_CERTS."`
}

func (backupCmd) Help() string {
	return `Takes a consistent copy of each store while the services run; shows the operator's certificate, as no API key may do this. A copy holds all that the
service knows: keep it as you keep the store. It doesn't hold the key files; back those up apart from it (docs/backup.md). A copy comes back by doorward
restore alone. Exits 1 when a copy couldn't be taken; what isn't whole isn't kept. Example:

  . .doorward/operator.env; doorward backup --dir backups/$(date +%F)`
}

func (c *backupCmd) Run(ctx context.Context, s streams) error {
	s = s.with("DOORWARD_ADDRESS", c.Authn).with("DOORWARD_RISK_ADDRESS", c.Risk).
		with("DOORWARD_NOTIFY_ADDRESS", c.Notify).with("DOORWARD_CERTS", c.Certs)
	var taken []backup.Copy
	for _, service := range slices.Compact(slices.Sorted(slices.Values(c.Service))) {
		copied, err := c.take(ctx, s, service)
		if err != nil {
			return fmt.Errorf("back up %s: %w", service, err)
		}
		if !c.JSON {
			fmt.Fprintf(s.out, "%s: %s as of %s (schema %d) in %s\n", service, bytesText(copied.Size),
				copied.TakenAt.UTC().Format(time.DateTime+" UTC"), copied.SchemaVersion, copied.Path)
		}
		taken = append(taken, copied)
	}
	if !c.JSON {
		return nil
	}
	text := json.NewEncoder(s.out)
	text.SetIndent("", "  ")
	return text.Encode(taken)
}

func (c *backupCmd) take(ctx context.Context, s streams, service string) (backup.Copy, error) {
	conn, err := s.dialWithCertificate(service)
	if err != nil {
		return backup.Copy{}, err
	}
	defer conn.Close()
	progress := s.bar(service, bytesText)
	copied, err := backup.Take(ctx, backup.TakeConfig{
		Client:      operatorv1.NewBackupServiceClient(conn),
		Service:     service,
		Dir:         c.Dir,
		Release:     version(),
		KeepOptions: backup.KeepOptions{Finish: boltdb.FinishCopy, Replace: c.Replace},
		Progress:    progress.at,
	})
	progress.end()
	switch {
	case err == nil:
		return copied, nil
	case errors.Is(err, fs.ErrExist):
		return backup.Copy{}, fmt.Errorf("%w; nothing was changed: name another folder, or give --replace", err)
	case ctx.Err() != nil: // which is no success, whatever else it is
		return backup.Copy{}, errors.New("interrupted: nothing was kept")
	}
	return backup.Copy{}, s.advise(err, service, "")
}

// with puts a flag in the place of the variable that it stands for, when it was given.
func (s streams) with(name, value string) streams {
	if value != "" {
		s.env = append([]string{name + "=" + value}, s.env...)
	}
	return s
}
