package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/production"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/notify"
	"github.com/doorward/doorward/services/risk"
)

type restoreCmd struct {
	Service string `arg:"" enum:"authn,risk,notify" help:"Whose store: authn, risk or notify."`
	From    string `required:"" placeholder:"DIR" help:"The folder that doorward backup wrote."`
	Dir     string `placeholder:"DIR" help:"The deployment's directory, as doorward serve and dev have it. Give this, or --config of the service that runs by itself."`
	source
	UntrustDevices bool   `help:"authn: also take every device's trust away. Somebody whose password was contained can then set a new one nowhere without you."`
	Note           string `help:"Why, for the audit record."`
	JSON           bool   `name:"json" help:"Print what was done as JSON."`
}

func (restoreCmd) Help() string {
	return `Puts a backup in the place of a store, on its file: the service must be stopped. The store that is replaced is kept beside it under a dated name; until the
last step it stays where it is, so a restore that fails or is cut off has changed nothing and can be run again. The key files must be those that the backup
was made under.

For authn all that was issued ends, because nothing in a backup says what was revoked since: sessions, sign-ins under way and their codes. Every user's
security epoch rises and the signing keys are replaced. What a backup can't know is printed, and told in docs/backup.md. risk catches up by itself from the
events; notify sends again what the backup holds as waiting. Exits 1 when the store wasn't replaced. Example:

  doorward restore authn --from backups/2026-03-01 --config /etc/doorward/authn.yaml --note 'disk of node 3'`
}

// restored is what a restore came to, for people and as JSON.
type restored struct {
	backup.Manifest
	*authn.Restored
	// Store is the file that was replaced, Aside where the old one lies now.
	Store string `json:"store"`
	Aside string `json:"aside,omitempty"`
}

func (c *restoreCmd) Run(ctx context.Context, s streams) error {
	if c.UntrustDevices && c.Service != "authn" {
		return errors.New("--untrust-devices is for authn, which alone has devices")
	}
	from, err := backup.Find(c.From, c.Service)
	if err != nil {
		return err
	}
	done := restored{Manifest: from.Manifest}
	switch c.Service {
	case "authn":
		err = c.authn(ctx, s, from, &done)
	case "risk":
		err = c.risk(ctx, s, from, &done)
	default:
		err = c.notify(ctx, s, from, &done)
	}
	if errors.Is(err, context.Canceled) { // which is no success, whatever else it is
		return errors.New("interrupted: the store is as it was; run the restore again")
	}
	if err != nil {
		return err
	}
	if c.JSON {
		text := json.NewEncoder(s.out)
		text.SetIndent("", "  ")
		return text.Encode(done)
	}
	done.tell(s.out, time.Now())
	return nil
}

func (c *restoreCmd) authn(ctx context.Context, s streams, from backup.Copy, done *restored) error {
	defaults := authn.DefaultConfig()
	defaults.Issuer = "https://restore.invalid" // a restore signs nothing, and needs none
	cfg, err := configured(c, s, defaults)
	if err != nil {
		return err
	}
	if c.Dir != "" {
		layout := deployment.Layout{Dir: c.Dir}
		cfg.DataDir, cfg.KeysDir = layout.Data(), layout.Keys()
	}
	progress := s.bar("users", thousands)
	result, err := authn.Restore(ctx, cfg, from, authn.RestoreOptions{UntrustDevices: c.UntrustDevices, Note: c.Note, Progress: progress.at})
	progress.end()
	done.Restored, done.Store, done.Aside = &result, filepath.Join(cfg.DataDir, "authn.db"), result.Aside
	return err
}

func (c *restoreCmd) risk(ctx context.Context, s streams, from backup.Copy, done *restored) error {
	cfg, err := configured(c, s, risk.DefaultConfig())
	if err != nil {
		return err
	}
	if c.Dir != "" {
		cfg.DataDir = deployment.Layout{Dir: c.Dir}.Data()
	}
	done.Store = filepath.Join(cfg.DataDir, "risk.db")
	done.Aside, err = risk.Restore(ctx, cfg.DataDir, from, c.Note)
	return err
}

func (c *restoreCmd) notify(ctx context.Context, s streams, from backup.Copy, done *restored) error {
	cfg, err := configured(c, s, notify.DefaultConfig())
	if err != nil {
		return err
	}
	if c.Dir != "" {
		cfg.DataDir = deployment.Layout{Dir: c.Dir}.Data()
	}
	done.Store = filepath.Join(cfg.DataDir, "notify.db")
	done.Aside, err = notify.Restore(ctx, cfg.DataDir, from, c.Note)
	return err
}

// configured is the service's configuration; with --dir the rest of it doesn't matter, and isn't read.
func configured[T any](c *restoreCmd, s streams, defaults T) (T, error) {
	if c.Dir != "" {
		if c.Config != "" || len(c.Set) > 0 {
			return defaults, errors.New("give --dir, or --config and --set: the first says where all is")
		}
		return defaults, nil
	}
	if c.Config == "" && c.Set["data_dir"] == "" {
		return defaults, errors.New("say whose store it is: --dir with the deployment's directory, or --config with the service's own configuration")
	}
	loaded, err := load(c.source, c.Service, defaults, s)
	if err == nil {
		return loaded.Value, nil
	}
	if dir := servesDirectory(c.Config); dir != "" {
		return defaults, fmt.Errorf("%s is the configuration of doorward serve: give --dir %s in its place", c.Config, dir)
	}
	return defaults, err
}

// servesDirectory is the directory that a configuration of the whole suite names; empty when the file is none.
func servesDirectory(path string) string {
	if path == "" {
		return ""
	}
	loaded, err := config.Load(config.Options[production.Config]{Defaults: production.DefaultConfig(), File: path})
	if err != nil {
		return ""
	}
	return loaded.Value.Dir
}

// tell says what was done, and what wasn't because nobody can know it.
func (r restored) tell(w io.Writer, now time.Time) {
	age := now.Sub(r.TakenAt).Round(time.Second)
	fmt.Fprintf(w, "%s is as it was at %s, %s ago: %s\n", r.Service, r.TakenAt.UTC().Format(time.DateTime+" UTC"), age, r.Store)
	if r.Aside != "" {
		fmt.Fprintf(w, "the store before it is kept as %s\n", r.Aside)
	}
	switch r.Service {
	case "authn":
		r.tellAuthn(w, age)
	case "risk":
		fmt.Fprintln(w, "start risk: it reads what it lacks from the stream of events before it serves; the decisions of that time are gone")
	default:
		fmt.Fprintln(w, "start notify: alerts that waited then are sent, also where they were sent since; links in alerts mailed since lead nowhere")
	}
}

func (r restored) tellAuthn(w io.Writer, age time.Duration) {
	fmt.Fprintf(w, `
ended      %d sessions, %d sign-ins under way with their codes, %d invitations
raised     the security epochs of %d users
replaced   %d signing keys
untrusted  %d devices

What happened in the last %s isn't in the backup, and nothing here can know it:
  passwords  are those of the backup: one that was changed since is the old one again, one that an owner's "this wasn't me" contained is good again
  devices    are trusted as in the backup, also where trust was taken away since (--untrust-devices takes it from all)
  API keys   that were revoked since are good again, those made since are gone: see doorward apps list
  users      who signed up since are gone
  policies   are those of the backup, and so are counts of failures

Start authn, and have those who must change their password do so.
`, r.Sessions, r.Attempts, r.Invitations, r.Users, r.SigningKeys, r.Devices, age)
}
