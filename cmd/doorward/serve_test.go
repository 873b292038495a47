package main

import (
	"context"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"

	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/internal/bus"
	doorward "github.com/doorward/doorward/sdk"
)

// The forms of NATS: embedded for this machine, embedded for others too, and a server of its own.
const (
	natsHere       = "listen: 127.0.0.1:%d"
	natsEverywhere = "listen: 0.0.0.0:%d"
	natsElsewhere  = "url: nats://127.0.0.1:%d"
)

func TestStoryInProduction(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	d := initialised(t, "nats", natsHere)
	d.start()
	must(t, story.Play(ctx, d.world()))
	d.stop()

	var first map[string]any
	line, _, _ := strings.Cut(d.log.String(), "\n")
	must(t, json.Unmarshal([]byte(line), &first))
	for name, want := range map[string]string{
		"msg": "doorward serve: production", "level": "INFO", "version": version(), "dir": d.dir, "issuer": "https://id.example.com",
		"authn": d.at(portAuthn), "portal": d.at(portPortal), "nats": "embedded, on " + d.at(portNATS),
	} {
		if first[name] != want {
			t.Errorf("the log's first line has %s = %v, want %s", name, first[name], want)
		}
	}
	for line := range strings.Lines(d.log.String()) {
		if strings.Contains(line, `"level":"ERROR"`) {
			t.Errorf("it complains: %s", line)
		}
	}
}

// TestServeAgainKeepsEverything stops it and kills it, with NATS open to other machines, and looks for what was acknowledged: the account, the device that is
// known, the session, and a revocation that came just before.
func TestServeAgainKeepsEverything(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	d := initialised(t, "tls", natsEverywhere)
	d.start()
	w := d.world()
	ada := signUpAt(ctx, t, w, w.Home.IP)
	for name, end := range map[string]func(){"stopped": d.stop, "killed": d.kill} {
		end()
		d.start()
		tokens, err := w.Doorward.Refresh(ctx, ada.grant.RefreshToken, ada.from())
		if err != nil {
			t.Fatalf("%s, the session is gone: %v", name, err)
		}
		ada.grant.RefreshToken = tokens.RefreshToken
		must(t, w.Guarded.Call(ctx, tokens.SessionToken))
		a, err := w.Doorward.SignIn(ctx, ada.email, ada.from())
		must(t, err)
		must(t, a.Password(ctx, ada.password))
		grant, ok := a.Grant()
		if !ok {
			t.Fatalf("%s, the step after the password on the known device is %v", name, a.Next())
		}
		ada.grant.DeviceSecret = grant.DeviceSecret
	}

	bob := signUpAt(ctx, t, w, w.Home.IP)
	must(t, w.Guarded.Call(ctx, bob.grant.SessionToken))
	if said, code := d.doorward("sessions", "revoke", bob.grant.SessionID); code != exitOK {
		t.Fatal(said)
	}
	d.kill()
	d.start()
	late := d.world() // a service that wasn't there when it happened
	if !poll(ctx, func() bool { return late.Guarded.Call(ctx, bob.grant.SessionToken) != nil }) {
		t.Fatal("the revocation is gone")
	}
	err := late.Guarded.Call(ctx, bob.grant.SessionToken)
	if reason, _ := doorward.ReasonOf(err); reason != typev1.Reason_REASON_SESSION_ENDED {
		t.Errorf("refused with %v", err)
	}
	if asked := late.Guarded.Asked(); asked != 0 {
		t.Errorf("the guarded service had to ask authn %d times", asked)
	}
	d.stop()
}

// TestServeWithANATSOfItsOwn: the streams are declared at the start; when NATS is away then, sign-in goes on all the same.
func TestServeWithANATSOfItsOwn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*patience)
	defer cancel()
	d := initialised(t, "nats", natsElsewhere)
	nats := d.nats()
	d.start()
	w := d.world()
	must(t, story.Play(ctx, w))
	ada := signUpAt(ctx, t, w, w.Home.IP)
	d.stop()

	nats.Stop()
	d.begin()
	d.says("the streams aren't declared: NATS can't be reached")
	signsIn := func() bool {
		a, err := w.Doorward.SignIn(ctx, ada.email, ada.from())
		return err == nil && a.Password(ctx, ada.password) == nil && a.Next() == doorward.Done
	}
	if !poll(ctx, signsIn) {
		t.Fatalf("nobody can sign in without NATS:\n%s", d.log.String())
	}
	d.nats()
	d.says("everything serves")
	d.stop()
}

// nats is a server of its own, as it runs beside a deployment, until the test's end.
func (d *served) nats() *bus.Server {
	d.t.Helper()
	var identities []bus.Identity
	for _, name := range bus.Names() {
		identity, err := bus.LoadIdentity(filepath.Join(d.dir, "nats"), name)
		must(d.t, err)
		identities = append(identities, identity)
	}
	server, err := bus.StartServer(bus.ServerConfig{
		Dir: filepath.Join(d.dir, "streams"), Port: d.base + portNATS, Identities: identities, Logger: slog.New(slog.DiscardHandler),
	})
	must(d.t, err)
	d.t.Cleanup(server.Stop)
	return server
}
