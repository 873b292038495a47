package testbed

import (
	"context"
	"log/slog"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/sdk/verify"
)

// Patience bounds every wait. It is for machines that are busy with other things, not for what is waited for.
const Patience = 30 * time.Second

// Bus is a NATS server with the deployment's streams, identities and permissions. It can be stopped and started again.
type Bus struct {
	t           testing.TB
	keys, files string
	identities  []bus.Identity
	port        int
	url         string
	stop        func()
}

// StartBus runs a server of its own until the test ends.
func StartBus(t testing.TB) *Bus {
	t.Helper()
	b := &Bus{t: t, keys: t.TempDir(), files: t.TempDir(), port: porttest.Hold(t)}
	var err error
	b.identities, err = bus.CreateIdentities(b.keys)
	must(t, err)
	b.Start()
	t.Cleanup(func() { b.Stop() })
	return b
}

// Start runs the server, at the port of the first time, and lays the streams.
func (b *Bus) Start() {
	b.t.Helper()
	server, err := bus.StartServer(bus.ServerConfig{Dir: b.files, Port: b.port, Identities: b.identities, Logger: quiet()})
	must(b.t, err)
	b.url, b.stop = server.URL(), sync.OnceFunc(server.Stop)

	operator := b.connect(bus.Operator)
	defer operator.Close()
	ctx, cancel := deadline(b.t)
	defer cancel()
	must(b.t, bus.Apply(ctx, operator.JetStream(), 1))
}

// Stop ends the server. What was published stays in its files.
func (b *Bus) Stop() { b.stop() }

// Lose deletes the streams of a stopped server with all that is in them, as a restored machine may have lost them.
func (b *Bus) Lose() {
	b.t.Helper()
	must(b.t, os.RemoveAll(b.files))
}

// URL is the server's.
func (b *Bus) URL() string { return b.url }

// Seed is the file with an identity's seed.
func (b *Bus) Seed(name bus.Name) string { return bus.SeedFile(b.keys, name) }

// Connect connects as an identity until the test ends.
func (b *Bus) Connect(name bus.Name) *bus.Conn {
	b.t.Helper()
	conn := b.connect(name)
	b.t.Cleanup(conn.Close)
	return conn
}

func (b *Bus) connect(name bus.Name) *bus.Conn {
	b.t.Helper()
	identity, err := bus.LoadIdentity(b.keys, name)
	must(b.t, err)
	ctx, cancel := deadline(b.t)
	defer cancel()
	conn, err := bus.Connect(ctx, bus.Config{URL: b.url, Identity: identity, Logger: quiet()})
	must(b.t, err)
	return conn
}

// Feed is the source from which an application's verifier reads the revocations.
func (b *Bus) Feed() verify.Source {
	b.t.Helper()
	source, err := verify.NATS(verify.NATSConfig{URL: b.url, SeedFile: b.Seed(bus.SDK)})
	must(b.t, err)
	return source
}

// Arrival is a message of the feed, and when the verifier had applied it.
type Arrival struct {
	Subject string
	At      time.Time
}

// arrivals are kept for a reader who is late; beyond them they are dropped.
const arrivals = 4096

// Watch returns a source that tells of each message once whoever reads the source has applied it.
func Watch(source verify.Source) (verify.Source, <-chan Arrival) {
	applied := make(chan Arrival, arrivals)
	return watched{Source: source, applied: applied}, applied
}

type watched struct {
	verify.Source
	applied chan<- Arrival
}

func (w watched) Read(ctx context.Context, since time.Time, handle func(string, map[string][]string, []byte)) error {
	return w.Source.Read(ctx, since, func(subject string, header map[string][]string, body []byte) {
		handle(subject, header, body)
		select {
		case w.applied <- Arrival{Subject: subject, At: time.Now()}:
		default: // nobody waits
		}
	})
}

// Await returns the next arrival of a subject, and drops others on the way.
func Await(t testing.TB, applied <-chan Arrival, subject string) Arrival {
	t.Helper()
	timer := time.NewTimer(Patience)
	defer timer.Stop()
	for {
		select {
		case a := <-applied:
			if a.Subject == subject {
				return a
			}
		case <-timer.C:
			t.Fatalf("%s wasn't applied within %v", subject, Patience)
		}
	}
}

// Eventually returns when the condition holds.
func Eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := deadline(t)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", Patience, what)
		}
	}
}

func deadline(t testing.TB) (context.Context, context.CancelFunc) {
	return context.WithTimeout(t.Context(), Patience)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }
