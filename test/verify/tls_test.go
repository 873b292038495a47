package verify_test

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"path/filepath"
	"testing"
	"time"

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
