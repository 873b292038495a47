package bus_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"log/slog"
	"net"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	client "github.com/nats-io/nats.go"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
)

func TestServerThatOthersReachSpeaksTLSAlone(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ids, err := bus.CreateIdentities(filepath.Join(dir, "nats"))
	must(t, err)
	_, err = certs.Create(filepath.Join(dir, "certs"), []string{"nats"}, certs.Options{Now: time.Now()})
	must(t, err)
	material, err := certs.Load(filepath.Join(dir, "certs"), "nats", quiet())
	must(t, err)
	log := &lines{}
	logger := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	everywhere := bus.ServerConfig{Dir: filepath.Join(dir, "streams"), Host: "0.0.0.0", Identities: ids, Logger: logger}
	if _, err := bus.StartServer(everywhere); err == nil || !strings.Contains(err.Error(), "needs TLS") {
		t.Errorf("without TLS: %v", err)
	}
	everywhere.TLS = certs.ServerTLS(material, certs.Anyone)
	s, err := bus.StartServer(everywhere)
	must(t, err)
	t.Cleanup(s.Stop)

	settings := bus.Settings{URL: s.URL(), Seed: bus.SeedFile(filepath.Join(dir, "nats"), bus.Operator), CA: filepath.Join(dir, "certs", "ca.pem")}
	if faults := settings.Check(); len(faults) > 0 {
		t.Error(faults)
	}
	conn, err := settings.Connect(deadline(t), bus.Operator, quiet())
	must(t, err)
	defer conn.Close()
	if !conn.Connected() {
		t.Error("a client that knows the CA isn't let in")
	}
	seed, err := client.NkeyOptionFromSeed(settings.Seed)
	must(t, err)
	if nc, err := client.Connect(strings.Replace(s.URL(), "tls://", "nats://", 1), seed); err == nil {
		nc.Close()
		t.Error("a client that doesn't know the CA was let in")
	}
	stranger, err := bus.NewIdentity(bus.Operator)
	must(t, err)
	transport, err := bus.Transport(settings.CA)
	must(t, err)
	if _, err := bus.Connect(deadline(t), bus.Config{URL: s.URL(), Identity: stranger, TLS: transport, Logger: quiet()}); err == nil {
		t.Error("a stranger was let in")
	}
	garbage, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "tls://"))
	must(t, err)
	defer garbage.Close()
	_, err = bufio.NewReader(garbage).ReadString('\n') // the server's greeting comes before TLS
	must(t, err)
	_, err = tls.Client(garbage, transport).Write([]byte("CX\r\n"))
	must(t, err)
	// Whoever can reach the port can't fill the log.
	for _, noise := range []string{"handshake error", "authentication error", "parser ERROR"} {
		eventually(t, "the server notes the "+noise, func() bool { return strings.Contains(log.String(), noise) })
	}
	if text := log.String(); strings.Contains(text, "level=ERROR") || strings.Contains(text, "level=WARN") {
		t.Errorf("strangers fill the log:\n%s", text)
	}
}

// lines is a log that can be read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

func TestServerSyncsBeforeItAcknowledgesWhenTold(t *testing.T) {
	t.Parallel()
	ids, err := bus.CreateIdentities(t.TempDir())
	must(t, err)
	for _, always := range []bool{true, false} {
		s, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), SyncAlways: always, Identities: ids, Logger: quiet()})
		must(t, err)
		if got := bus.SyncsAlways(s); got != always {
			t.Errorf("told SyncAlways = %t, the server says %t", always, got)
		}
		s.Stop()
	}
}

// A full disk has the server turn JetStream off for good, and leaves whoever makes room waiting.
func TestJetStreamThatWasTurnedOffComesBackWithWhatItHeld(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	publish(t, authn, row("evt_1", "doorward.event.authn.signin.succeeded", "usr_1"))
	must(t, bus.TurnOff(n.server))
	eventually(t, "the stream can be asked again", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		_, err := bus.NewPublisher(authn).Place(ctx, bus.StreamAuthn)
		return err == nil
	})
	publish(t, authn, row("evt_2", "doorward.event.authn.signin.succeeded", "usr_1"))
	stream, err := authn.JetStream().Stream(deadline(t), bus.StreamAuthn)
	must(t, err)
	if held := stream.CachedInfo().State.Msgs; held != 2 {
		t.Errorf("the stream holds %d events, want both", held)
	}
}
