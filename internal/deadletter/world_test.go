package deadletter_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/deadletter"
	"github.com/doorward/doorward/internal/outbox"
)

// world is a real NATS server with dead letters of authn's in it, and the service that shows them.
type world struct {
	*testing.T
	server  *bus.Server
	conns   map[bus.Name]*bus.Conn
	service *deadletter.Service

	mu      sync.Mutex
	handled []string // ids of the events that the handler was given
	fails   error    // what the handler answers
	records []audit.Record
}

var quiet = slog.New(slog.DiscardHandler)

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, conns: map[bus.Name]*bus.Conn{}}
	var identities []bus.Identity
	for _, name := range []bus.Name{bus.Authn, bus.Notify, bus.Operator} {
		identity, err := bus.NewIdentity(name)
		w.must(err)
		identities = append(identities, identity)
	}
	var err error
	w.server, err = bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Identities: identities, Logger: quiet})
	w.must(err)
	t.Cleanup(w.server.Stop)
	for _, identity := range identities {
		conn, err := bus.Connect(w.deadline(), bus.Config{URL: w.server.URL(), Identity: identity, Logger: quiet})
		w.must(err)
		t.Cleanup(conn.Close)
		w.conns[identity.Name] = conn
	}
	w.must(bus.Apply(w.deadline(), w.conns[bus.Operator].JetStream(), 1))
	w.service, err = deadletter.New(deadletter.Config{Conn: w.conns[bus.Authn], Handle: w.handle, Record: w.record, Now: time.Now})
	w.must(err)
	return w
}

// die has authn give up on so many commands.
func (w *world) die(letters int) {
	w.Helper()
	publisher := bus.NewPublisher(w.conns[bus.Notify])
	for n := range letters {
		subject := "doorward.command.session.contain"
		stream, err := publisher.Route(subject)
		w.must(err)
		place, err := publisher.Place(w.deadline(), stream)
		w.must(err)
		receipt, err := publisher.Publish(outbox.Row{
			ID: fmt.Sprintf("evt_%d", n+1), Subject: subject, Type: bus.TypeOf(subject), Source: "notify", Time: time.Now(), Data: []byte("x"),
		}, place)
		w.must(err)
		_, err = receipt(w.deadline())
		w.must(err)
	}
	metrics, err := bus.NewMetrics(prometheus.NewRegistry())
	w.must(err)
	ctx, stop := context.WithCancel(w.Context())
	ended := make(chan error, 1)
	given := make(chan struct{}, letters)
	go func() {
		ended <- bus.Consume(ctx, w.conns[bus.Authn], bus.ConsumeConfig{
			Stream: bus.StreamCommands, Logger: quiet, Metrics: metrics, MaxInFlight: 1,
			Handle: func(context.Context, bus.Event) error {
				given <- struct{}{}
				return bus.Permanent(errors.New("nobody knows its type"))
			},
		})
	}()
	for range letters {
		<-given
	}
	stop() // what has begun is finished first
	w.must(<-ended)
}

func (w *world) handle(_ context.Context, e bus.Event) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.handled = append(w.handled, e.ID)
	return w.fails
}

func (w *world) record(_ context.Context, r audit.Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if err := r.Validate(); err != nil {
		return err
	}
	w.records = append(w.records, r)
	return nil
}

// wantAudit compares what was recorded: action, outcome and reason.
func (w *world) wantAudit(want ...string) {
	w.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	var got []string
	for _, r := range w.records {
		got = append(got, fmt.Sprintf("%s %s %s%s", r.Action, r.Outcome, r.Target.ID, r.Reason))
		if r.Actor.Kind != audit.Operator || r.Authority != "certificate of operator" {
			w.Errorf("recorded for %+v by %q", r.Actor, r.Authority)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		w.Errorf("recorded %q, want %q", got, want)
	}
}

// operator is the caller as the access table let it in.
func (w *world) operator() context.Context {
	w.Helper()
	return access.NewContext(w.deadline(), access.Principal{
		Kind: access.Service, ID: "operator", Name: "operator", Peer: netip.MustParseAddr("127.0.0.1"),
	})
}

func (w *world) deadline() context.Context {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	w.Cleanup(cancel)
	return ctx
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}
