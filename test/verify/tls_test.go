package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/testbed"
)

// TestFeedIsReadOverTLSFromTheServerOfTheCAAlone: the server shows a certificate, and whoever doesn't know its CA reads nothing.
func TestFeedIsReadOverTLSFromTheServerOfTheCAAlone(t *testing.T) {
	dir := t.TempDir()
	identities, err := bus.CreateIdentities(dir)
	must(t, err)
	ours, theirs := filepath.Join(dir, "ours"), filepath.Join(dir, "theirs")
	for _, authority := range []string{ours, theirs} {
		_, err := certs.Create(authority, []string{"nats"}, certs.Options{Now: time.Now()})
		must(t, err)
	}
	conf := filepath.Join(dir, "nats.conf")
	must(t, os.WriteFile(conf, []byte(bus.RenderConfFor(identities)), 0o600))
	url := testbed.StartNATS(t, conf, ours, 0)
	publishRevocation(t, url, dir, ours+"/ca.pem")

	if subject, err := firstOf(t, url, bus.SeedFile(dir, bus.SDK), ours+"/ca.pem"); subject != "doorward.revocation.session.ses_1" {
		t.Errorf("with the CA the feed brings %q, %v", subject, err)
	}
	for name, ca := range map[string]string{"another CA": theirs + "/ca.pem", "the system's CAs": ""} {
		if subject, err := firstOf(t, url, bus.SeedFile(dir, bus.SDK), ca); err == nil || subject != "" {
			t.Errorf("with %s the feed brings %q", name, subject)
		}
	}
}

// All services' certificates bear the deployment's hosts, and any of them would pass by its host. By its name NATS's alone does.
func TestAnotherServicesCertificateDoesntPassAsNATSs(t *testing.T) {
	dir := t.TempDir()
	identities, err := bus.CreateIdentities(dir)
	must(t, err)
	ours, stolen := filepath.Join(dir, "ours"), filepath.Join(dir, "stolen")
	_, err = certs.Create(ours, []string{"nats", "risk"}, certs.Options{Now: time.Now(), Hosts: []string{"127.0.0.1"}})
	must(t, err)
	must(t, os.MkdirAll(stolen, 0o700))
	for _, kind := range []string{".pem", ".key"} {
		content, err := os.ReadFile(filepath.Join(ours, "risk"+kind))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(stolen, "nats"+kind), content, 0o600))
	}
	conf := filepath.Join(dir, "nats.conf")
	must(t, os.WriteFile(conf, []byte(bus.RenderConfFor(identities)), 0o600))
	for certificate, genuine := range map[string]bool{ours: true, stolen: false} {
		url := testbed.StartNATS(t, conf, certificate, 0)
		source, err := verify.NATS(verify.NATSConfig{URL: url, SeedFile: bus.SeedFile(dir, bus.SDK), CAFile: ours + "/ca.pem", ServerName: "nats"})
		must(t, err)
		ctx, cancel := context.WithTimeout(t.Context(), testbed.Patience)
		err = source.Read(ctx, time.Now(), nil) // there are no streams: whoever gets that far hears so
		cancel()
		if reached := errors.Is(err, jetstream.ErrStreamNotFound); reached != genuine {
			t.Errorf("the SDK reaches the server: %t (%v), want %t", reached, err, genuine)
		}
		identity, err := bus.LoadIdentity(dir, bus.Authn)
		must(t, err)
		transport, err := bus.Transport(ours + "/ca.pem")
		must(t, err)
		ctx, cancel = context.WithTimeout(t.Context(), testbed.Patience)
		conn, err := bus.Connect(ctx, bus.Config{URL: url, Identity: identity, TLS: transport, Logger: slog.New(slog.DiscardHandler)})
		cancel()
		if (err == nil) != genuine {
			t.Errorf("authn connects: %v, want %t", err, genuine)
		}
		if err == nil {
			conn.Close()
		}
	}
}

// publishRevocation lays the streams and writes one message, as operator and authn do.
func publishRevocation(t *testing.T, url, dir, ca string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), testbed.Patience)
	defer cancel()
	connect := func(name bus.Name) *bus.Conn {
		settings := bus.Settings{URL: url, Seed: bus.SeedFile(dir, name), CA: ca}
		if faults := settings.Check(); len(faults) > 0 {
			t.Fatal(faults)
		}
		conn, err := settings.Connect(ctx, name, slog.New(slog.DiscardHandler))
		must(t, err)
		t.Cleanup(conn.Close)
		return conn
	}
	must(t, bus.Apply(ctx, connect(bus.Operator).JetStream(), 1))
	_, err := connect(bus.Authn).JetStream().Publish(ctx, "doorward.revocation.session.ses_1", nil)
	must(t, err)
}

// firstOf reads the feed as an application does, up to the first message.
func firstOf(t *testing.T, url, seed, ca string) (subject string, err error) {
	t.Helper()
	source, err := verify.NATS(verify.NATSConfig{URL: url, SeedFile: seed, CAFile: ca})
	must(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), testbed.Patience)
	defer cancel()
	err = source.Read(ctx, time.Now().Add(-time.Minute), func(s string, _ map[string][]string, _ []byte) {
		subject = s
		cancel()
	})
	if errors.Is(err, context.DeadlineExceeded) {
		t.Error("the feed says nothing")
	}
	return subject, err
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
