package main

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/production"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/authn"
)

type initCmd struct {
	Dir        string   `default:".doorward" help:"Where everything is made."`
	Issuer     string   `required:"" placeholder:"URL" help:"The deployment's name in every session token, such as https://id.example.com."`
	Audience   string   `required:"" help:"The aud of the session tokens of the first application's users, such as shop."`
	Host       []string `help:"A DNS name or address under which the services and NATS are reached; may be repeated. localhost always is one."`
	Authn      string   `default:"127.0.0.1:7401" placeholder:"HOST:PORT" help:"Where applications and operators reach authn."`
	Risk       string   `default:"127.0.0.1:7402" placeholder:"HOST:PORT" help:"Where operators reach risk; empty where they can't."`
	Notify     string   `default:"127.0.0.1:7403" placeholder:"HOST:PORT" help:"Where operators reach notify; empty where they can't."`
	NATS       string   `name:"nats" default:"nats://127.0.0.1:7407" placeholder:"URL" help:"Where applications reach NATS: tls://… for one whose certificate is made here."`
	Subscriber bool     `help:"The application may read events too: its env file and its folder get the nkey for them."`
	Inbox      string   `placeholder:"URL" help:"The page of a development inbox, where there is one: the demo reads its mails."`
	Share      string   `placeholder:"DIR" help:"Also lay a folder for each service below DIR, with its own files and no other's, and one for the application and the operator: for containers."`
	FilesAt    string   `placeholder:"DIR" help:"With --share: where the application and the operator will keep a copy of their folders, for the paths in their env files."`
}

func (initCmd) Help() string {
	return `Makes what a production deployment needs on disk: certificates, nkeys, the keys of authn and of sealed mails, nats.conf, and the first API keys, which go to
app.env and operator.env. Safe to run again, also while services run: what is there stays, certificates that end are renewed, the env files take new
addresses. Keep ca.key off machines that only run services. Example:

  doorward init --dir /etc/doorward --issuer https://id.example.com --audience shop --host id.internal`
}

func (c *initCmd) Run(ctx context.Context, s streams) error {
	layout := deployment.Layout{Dir: c.Dir}
	authnConfig := c.authnConfig(layout)
	contacts := deployment.Contacts{Authn: c.Authn, Risk: c.Risk, Notify: c.Notify, NATS: c.NATS, Issuer: c.Issuer, Audience: c.Audience, Subscriber: c.Subscriber, Inbox: c.Inbox}
	if faults := append(contacts.Validate(), authnConfig.Validate()...); len(faults) > 0 {
		return fmt.Errorf("nothing was made: %w", faults)
	}
	prepared, err := layout.Prepare(time.Now(), c.Host...)
	for _, made := range prepared.Made {
		fmt.Fprintf(s.out, "made %s\n", made)
	}
	if err != nil {
		return err
	}
	keys, err := layout.FirstKeys(ctx, authnConfig, c.Audience)
	if err != nil {
		return err
	}
	if err := c.inspect(s, layout, authnConfig); err != nil {
		return err
	}
	if _, err := layout.WriteEnv(keys, contacts); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s holds all that a deployment needs to start\n", c.Dir)
	if c.Share != "" {
		return c.share(s, layout, keys, contacts)
	}
	fmt.Fprintf(s.out, "\n  applications:  . %s\n  operators:     . %s\n", layout.AppEnv(), layout.OperatorEnv())
	c.tellNext(s, layout)
	return nil
}

func (c *initCmd) tellNext(s streams, layout deployment.Layout) {
	next := "Next:"
	if key := filepath.Join(layout.Certs(), "ca.key"); exists(key) {
		next = "Next: take " + key + " off this machine, then"
	}
	fmt.Fprintf(s.out, "\n%s\n  doorward serve --config FILE   # one with dir: %s and issuer: %s; deploy/doorward.yaml is one to start from\n", next, c.Dir, c.Issuer)
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// inspect looks for what neither this run made nor an earlier one left, as a start would.
func (c *initCmd) inspect(s streams, layout deployment.Layout, cfg authn.Config) error {
	logger, err := s.logger(slog.LevelWarn)
	if err != nil {
		return err
	}
	return production.Inspect(layout, filepath.Join(cfg.DataDir, "authn.db"), c.Issuer, logger)
}

// authnConfig is as much of authn's as making its first keys needs.
func (c *initCmd) authnConfig(layout deployment.Layout) authn.Config {
	cfg := authn.DefaultConfig()
	cfg.Issuer = c.Issuer
	cfg.DataDir, cfg.KeysDir, cfg.Certs = layout.Data(), layout.Keys(), layout.Certs()
	cfg.MailKey, cfg.NATS.Seed = layout.MailKey()+seal.PublicSuffix, bus.SeedFile(layout.NATS(), bus.Authn)
	if c.Share != "" { // its store is where its process sees it
		cfg.DataDir = deployment.ShareData(c.Share, "authn")
	}
	return cfg
}

func (c *initCmd) share(s streams, layout deployment.Layout, keys deployment.FirstKeys, contacts deployment.Contacts) error {
	if err := layout.Share(c.Share, c.FilesAt, keys, contacts); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s has a folder for each service\n", c.Share)
	return nil
}
