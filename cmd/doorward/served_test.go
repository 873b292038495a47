package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/internal/porttest"
)

// Where things listen, counted from the block's base.
const (
	portAuthn  = 1
	portPortal = 4
	portSMTP   = 5
	portWeb    = 6
	portNATS   = 7
)

// served is `doorward serve` in a process of its own, on what `doorward init` made, with an inbox in the test's process as its mail server.
type served struct {
	t      *testing.T
	dir    string
	base   int
	config string

	log   screen
	cmd   *exec.Cmd
	ended chan error
}

// initialised makes a deployment that doesn't run yet. scheme is how applications reach NATS, nats the section of the configuration: its %d are NATS's port.
func initialised(t *testing.T, scheme, nats string) *served {
	t.Helper()
	base, release, err := porttest.Claim(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, release()) })
	d := &served{t: t, dir: filepath.Join(t.TempDir(), "doorward"), base: base}
	said, code := d.doorward("init", "--dir", d.dir, "--issuer", "https://id.example.com", "--audience", "shop",
		"--authn", d.at(portAuthn), "--nats", scheme+"://"+d.at(portNATS), "--subscriber", "--inbox", "http://"+d.at(portWeb))
	if code != exitOK {
		t.Fatalf("init: exit code %d: %s", code, said)
	}
	d.config = filepath.Join(t.TempDir(), "doorward.yaml")
	must(t, os.WriteFile(d.config, []byte(d.configuration()+"nats:\n  "+fmt.Sprintf(nats, base+portNATS)+"\n"), 0o600))
	d.receiveMails()
	t.Cleanup(func() {
		if d.cmd != nil {
			d.kill()
		}
	})
	return d
}

// configuration is a deployment's on one machine, whose portal shows browsers a certificate of the deployment's own CA.
func (d *served) configuration() string {
	return fmt.Sprintf(`dir: %s
issuer: https://id.example.com
product: Shop
authn:
  listen: %s
risk:
  listen: 127.0.0.1:0
notify:
  listen: 127.0.0.1:0
portal:
  listen: %s
  url: https://localhost:%d
  tls_cert: %s
  tls_key: %s
smtp:
  address: %s
  tls: none
  from: Shop <no-reply@example.com>
`, d.dir, d.at(portAuthn), d.at(portPortal), d.base+portPortal, filepath.Join(d.dir, "certs", "portal.pem"), filepath.Join(d.dir, "certs", "portal.key"),
		d.at(portSMTP))
}

func (d *served) at(offset int) string { return porttest.Address(d.base + offset) }

func (d *served) receiveMails() {
	box, err := inbox.New(inbox.Config{
		SMTPAddress: d.at(portSMTP), WebAddress: d.at(portWeb), Logger: slog.New(slog.DiscardHandler), Now: time.Now,
	})
	must(d.t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	d.t.Cleanup(func() { cancel(); must(d.t, <-ended) })
}

// start begins it, and waits until everything serves.
func (d *served) start() {
	d.t.Helper()
	d.begin()
	d.says("everything serves")
}

// begin begins it, and waits for nothing.
func (d *served) begin() {
	d.t.Helper()
	d.log = screen{}
	// No context: it is a signal that ends it, and how it ends is what we look at.
	d.cmd = exec.Command("doorward", "serve", "--config", d.config)
	d.cmd.Stdout, d.cmd.Stderr = &d.log, &d.log
	must(d.t, d.cmd.Start())
	d.ended = make(chan error, 1)
	go func() { d.ended <- d.cmd.Wait() }()
}

// says waits for a message in its log.
func (d *served) says(message string) {
	d.t.Helper()
	ctx, cancel := context.WithTimeout(d.t.Context(), patience)
	defer cancel()
	if !poll(ctx, func() bool { return strings.Contains(d.log.String(), `"msg":"`+message) || len(d.ended) > 0 }) || len(d.ended) > 0 {
		d.t.Fatalf("serve doesn't say %q:\n%s", message, d.log.String())
	}
}

// stop asks it to end, and demands that it does so well.
func (d *served) stop() {
	d.t.Helper()
	must(d.t, d.cmd.Process.Signal(syscall.SIGTERM))
	if err := <-d.ended; err != nil {
		d.t.Errorf("serve ended with %v:\n%s", err, d.log.String())
	}
	d.cmd = nil
}

// kill ends it as nothing can be prepared for.
func (d *served) kill() {
	d.t.Helper()
	if err := d.cmd.Process.Kill(); err != nil && !errors.Is(err, os.ErrProcessDone) {
		d.t.Error(err)
	}
	if err := <-d.ended; err == nil {
		d.t.Errorf("serve ended before it was killed:\n%s", d.log.String())
	}
	d.cmd = nil
}

// doorward runs a command with the operator's environment, and returns what it said.
func (d *served) doorward(args ...string) (string, int) {
	d.t.Helper()
	env, err := deployment.ReadEnv(filepath.Join(d.dir, "operator.env"))
	must(d.t, err)
	var environ []string
	for _, v := range env {
		environ = append(environ, v.Name+"="+v.Value)
	}
	var out bytes.Buffer
	code := run(d.t.Context(), args, streams{out: &out, err: &out, env: environ})
	return out.String(), code
}

// world connects to it as an application does.
func (d *served) world() story.World {
	d.t.Helper()
	env, err := deployment.ReadEnv(filepath.Join(d.dir, "app.env"))
	must(d.t, err)
	var complaints screen
	w, closeAll, err := openWorld(d.t.Context(), streams{out: &complaints, err: &complaints}, env)
	must(d.t, err)
	d.t.Cleanup(func() { must(d.t, closeAll()) })
	return w
}
