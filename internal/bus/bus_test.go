package bus_test

import (
	"context"
	"io"
	"log/slog"
	"os"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/porttest"
)

// quiet is where the packages under test log to.
func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// nats is a real embedded server that a test can stop, roll back and start again at the same address.
type nats struct {
	*testing.T
	dir        string
	port       int
	server     *bus.Server
	identities map[bus.Name]bus.Identity
}

func newNATS(t *testing.T) *nats {
	t.Helper()
	n := &nats{T: t, dir: t.TempDir(), port: porttest.Hold(t), identities: map[bus.Name]bus.Identity{}}
	for _, name := range bus.Names() {
		id, err := bus.NewIdentity(name)
		must(t, err)
		n.identities[name] = id
	}
	n.start()
	t.Cleanup(func() { n.server.Stop() })
	return n
}

// withStreams also applies the streams.
func withStreams(t *testing.T) *nats {
	t.Helper()
	n := newNATS(t)
	must(t, bus.Apply(deadline(t), n.as(bus.Operator).JetStream(), 1))
	return n
}

func (n *nats) start() {
	n.Helper()
	var ids []bus.Identity
	for _, id := range n.identities {
		ids = append(ids, id)
	}
	s, err := bus.StartServer(bus.ServerConfig{Dir: n.dir, Port: n.port, Identities: ids, Logger: quiet()})
	must(n.T, err)
	n.server = s
}

// restart stops the server, lets the test change its files, starts it again and waits until c is back.
func (n *nats) restart(c *bus.Conn, change func()) {
	n.Helper()
	n.server.Stop()
	eventually(n.T, "the connection is lost", func() bool { return !c.Connected() })
	change()
	n.start()
	eventually(n.T, "the connection is back", c.Connected)
}

// copyFiles returns a copy of the server's files as they are on disk, taken while it is stopped.
func (n *nats) copyFiles() string {
	n.Helper()
	dir := n.TempDir()
	must(n.T, os.CopyFS(dir, os.DirFS(n.dir)))
	return dir
}

// putBack replaces the server's files, as a power cut or a restored backup does.
func (n *nats) putBack(dir string) {
	n.Helper()
	must(n.T, os.RemoveAll(n.dir))
	must(n.T, os.CopyFS(n.dir, os.DirFS(dir)))
}

// as connects as an identity.
func (n *nats) as(name bus.Name) *bus.Conn {
	n.Helper()
	c, err := bus.Connect(deadline(n.T), bus.Config{URL: n.server.URL(), Identity: n.identities[name], Logger: quiet()})
	must(n.T, err)
	n.Cleanup(c.Close)
	return c
}

func metrics(t *testing.T) *bus.Metrics {
	t.Helper()
	m, err := bus.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	return m
}

// row is a complete outbox row of authn.
func row(id, subject, user string) outbox.Row {
	return outbox.Row{
		ID: id, Subject: subject, Key: user, Type: bus.TypeOf(subject), Source: "authn",
		Time: time.Date(2026, 3, 1, 12, 0, 0, 123, time.UTC), UserVersion: 3, Data: []byte("body of " + id),
		Traceparent: "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
	}
}

// publish sends rows the way the relay does, and waits.
func publish(t *testing.T, c *bus.Conn, rows ...outbox.Row) {
	t.Helper()
	p := bus.NewPublisher(c)
	for _, r := range rows {
		stream, err := p.Route(r.Subject)
		must(t, err)
		place, err := p.Place(deadline(t), stream)
		must(t, err)
		receipt, err := p.Publish(r, place)
		must(t, err)
		_, err = receipt(deadline(t))
		must(t, err)
	}
}

// deadline is a context in which everything here must be done.
func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// background runs f until the test's end and expects it to end without an error.
func background(t *testing.T, f func(ctx context.Context) error) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- f(ctx) }()
	stopped := false
	stop = func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	}
	t.Cleanup(stop)
	return stop
}

// eventually waits for a condition on something that lives outside this process's control.
func eventually(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx := deadline(t)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("not reached: %s", what)
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
