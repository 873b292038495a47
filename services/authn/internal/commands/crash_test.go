package commands_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

// The scene: the owner signed in on their own device a day before a stranger did on another.
var (
	noon     = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	owner    = id.New("usr", noon)
	trusted  = id.New("dev", noon)
	strange  = id.New("dev", noon)
	spared   = id.New("ses", noon)
	intruder = id.New("ses", noon)
	signIn   = id.New("evt", noon)
	delivery = id.New("dlv", noon)
)

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// errKilled is what a process that dies in the middle leaves: no answer.
var errKilled = errors.New("killed")

// crashing is a real store in which the process dies, once, at a chosen moment.
type crashing struct {
	store.Store
	beforeCommit, afterCommit atomic.Bool
}

func (c *crashing) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := c.Store.Update(ctx, func(tx store.Tx) error {
		if err := fn(tx); err != nil {
			return err
		}
		if c.beforeCommit.Load() {
			return errKilled
		}
		return nil
	})
	c.beforeCommit.Store(false)
	if err == nil && c.afterCommit.Swap(false) {
		return errKilled
	}
	return err
}

type scene struct {
	*crashing
	bolt    *boltstore.Store
	secrets flow.Secrets
}

func newScene(t *testing.T) *scene {
	t.Helper()
	bolt, err := boltstore.Open(filepath.Join(t.TempDir(), "authn.db"), boltstore.Options{})
	must(t, err)
	t.Cleanup(func() { must(t, bolt.Close()) })
	s := &scene{crashing: &crashing{Store: bolt}, bolt: bolt, secrets: flow.DeriveSecrets(secret.NewKey())}
	must(t, bolt.Update(t.Context(), func(tx store.Tx) error { return errors.Join(set(tx)...) }))
	return s
}

func set(tx store.Tx) []error {
	yesterday := noon.Add(-24 * time.Hour)
	of := func(sessionID, deviceID string, at time.Time) session.Session {
		return session.Session{ID: sessionID, UserID: owner, DeviceID: deviceID, StartedAt: at, ExpiresAt: noon.Add(time.Hour)}
	}
	on := func(deviceID string, since time.Time) device.Device {
		return device.Device{ID: deviceID, UserID: owner, FirstTrustedAt: since, TrustedUntil: noon.Add(time.Hour)}
	}
	return []error{
		tx.Users.Put(account.User{
			ID: owner, Password: &account.Password{PHC: "…", SetAt: yesterday},
			Emails: []account.Email{{ID: "eml_1", Address: "ada@example.org", Canonical: "ada@example.org", VerifiedAt: yesterday}},
		}),
		tx.Devices.Put(on(trusted, yesterday)),
		tx.Devices.Put(on(strange, noon)),
		tx.Sessions.Put(of(spared, trusted, yesterday)),
		tx.Sessions.Put(of(intruder, strange, noon)),
		tx.Alerts.Put(containment.Alert{
			EventID: signIn, Kind: containment.NewDevice, UserID: owner, SessionID: intruder, DeviceID: strange, At: noon,
		}),
	}
}

func (s *scene) contain(ctx context.Context, c flow.Command) (flow.Outcome, error) {
	return flow.NewAlerts(flow.Deps{
		Store: s.crashing, Secrets: s.secrets, Logger: quiet(),
		Now: func() time.Time { return noon.Add(time.Minute) },
	}).Contain(ctx, c)
}

func (s *scene) command() *eventv1.ContainSession {
	m := contained()
	m.ContainToken = containment.Token(s.secrets.Contain, signIn, "ada@example.org").Reveal()
	return m
}

// state is all that a containment touches.
type state struct {
	Ended, Untrusted, Contained, Answered bool
	Epoch                                 uint64
	Events, Audited                       int
}

func (s *scene) state(t *testing.T) state {
	t.Helper()
	var got state
	must(t, s.bolt.View(t.Context(), func(tx store.Tx) error {
		user, _, err := tx.Users.Get(owner)
		must(t, err)
		ended, _, err := tx.Sessions.Get(intruder)
		must(t, err)
		other, _, err := tx.Devices.Get(strange)
		must(t, err)
		alert, _, err := tx.Alerts.Get(signIn)
		must(t, err)
		got = state{
			Ended: ended.End == session.EndContained, Untrusted: !other.UntrustedAt.IsZero(),
			Contained: user.Password.Contained(), Answered: alert.Result != nil, Epoch: user.Epoch,
		}
		kept, _, err := tx.Sessions.Get(spared)
		must(t, err)
		if !kept.EndedAt.IsZero() || kept.Epoch != user.Epoch {
			t.Errorf("the owner's session isn't as good as before: %+v", kept)
		}
		return nil
	}))
	events, err := s.bolt.Queue().Pending(t.Context(), 100)
	must(t, err)
	records, err := s.bolt.Audit(t.Context(), audit.Page{Limit: 100})
	must(t, err)
	got.Events, got.Audited = len(events), len(records)
	return got
}

// done is what one containment leaves: a revocation, the end of the session and the containment are told, and one record is kept.
var done = state{Ended: true, Untrusted: true, Contained: true, Answered: true, Epoch: 1, Events: 3, Audited: 1}

func TestNothingIsHalfDoneWhenTheProcessDies(t *testing.T) {
	tests := map[string]struct {
		die         func(*scene)
		after, then state
	}{
		"before the commit": {func(s *scene) { s.beforeCommit.Store(true) }, state{}, done},
		"after the commit":  {func(s *scene) { s.afterCommit.Store(true) }, done, done},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			h := newHandler(t, s.contain)
			test.die(s)
			if err := h.Handle(t.Context(), event(t, s.command())); !errors.Is(err, errKilled) || bus.IsPermanent(err) {
				t.Fatalf("err = %v, want one that is tried again", err)
			}
			if got := s.state(t); got != test.after {
				t.Errorf("at the death: %+v, want %+v", got, test.after)
			}
			for range 2 {
				must(t, h.Handle(t.Context(), event(t, s.command())))
				if got := s.state(t); got != test.then {
					t.Errorf("delivered again: %+v, want %+v", got, test.then)
				}
			}
		})
	}
}

func TestNothingIsHalfDoneWhenTimeRunsOut(t *testing.T) {
	s := newScene(t)
	h := newHandler(t, s.contain)
	late, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Handle(late, event(t, s.command())); err == nil || bus.IsPermanent(err) {
		t.Fatalf("err = %v, want one that is tried again", err)
	}
	if got := s.state(t); got != (state{}) {
		t.Errorf("something is done: %+v", got)
	}
}

func TestTamperedCommandsChangeNothing(t *testing.T) {
	tests := map[string]func(*eventv1.ContainSession){
		"an altered token": func(m *eventv1.ContainSession) { m.ContainToken += "A" },
		"another address":  func(m *eventv1.ContainSession) { m.Email = "eve@example.org" },
		"another event's":  func(m *eventv1.ContainSession) { m.SigninEventId = id.New("evt", noon) },
	}
	for name, tamper := range tests {
		t.Run(name, func(t *testing.T) {
			s := newScene(t)
			m := s.command()
			tamper(m)
			must(t, newHandler(t, s.contain).Handle(t.Context(), event(t, m)))
			if got := s.state(t); got != (state{Audited: 1}) {
				t.Errorf("after a refused command: %+v, want one audit record and nothing else", got)
			}
		})
	}
}

// TestRedeliveredCommandContainsOnce runs the whole way over a real NATS server: the process dies before the commit at the first
// delivery and after it at the second.
func TestRedeliveredCommandContainsOnce(t *testing.T) {
	s := newScene(t)
	h := newHandler(t, s.contain)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	connect := newNATS(t, ctx)

	settled := make(chan error, 8)
	s.beforeCommit.Store(true)
	deliveries := 0
	metrics, err := bus.NewMetrics(prometheus.NewRegistry())
	must(t, err)
	reading, stop := context.WithCancel(ctx)
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Consume(reading, connect(bus.Authn), bus.ConsumeConfig{
			Stream: bus.StreamCommands, MaxInFlight: 1, Backoff: []time.Duration{time.Millisecond},
			Logger: quiet(), Metrics: metrics,
			Handle: func(ctx context.Context, e bus.Event) error {
				deliveries++
				s.afterCommit.Store(deliveries == 2)
				err := h.Handle(ctx, e)
				settled <- err
				return err
			},
		})
	}()
	publish(t, ctx, connect(bus.Notify), s.command())

	for _, killed := range []bool{true, true, false} {
		select {
		case err := <-settled:
			if errors.Is(err, errKilled) != killed {
				t.Fatalf("settled with %v, want killed = %t", err, killed)
			}
		case <-ctx.Done():
			t.Fatal("the command didn't come again")
		}
	}
	if got := s.state(t); got != done {
		t.Errorf("in the end: %+v, want %+v", got, done)
	}
	stop()
	must(t, <-ended)
}

func newNATS(t *testing.T, ctx context.Context) func(bus.Name) *bus.Conn { //nolint:revive // t first, as in every helper
	t.Helper()
	identities := map[bus.Name]bus.Identity{}
	var all []bus.Identity
	for _, name := range bus.Names() {
		identity, err := bus.NewIdentity(name)
		must(t, err)
		identities[name] = identity
		all = append(all, identity)
	}
	server, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Identities: all, Logger: quiet()})
	must(t, err)
	t.Cleanup(server.Stop)
	connect := func(name bus.Name) *bus.Conn {
		c, err := bus.Connect(ctx, bus.Config{URL: server.URL(), Identity: identities[name], Logger: quiet()})
		must(t, err)
		t.Cleanup(c.Close)
		return c
	}
	must(t, bus.Apply(ctx, connect(bus.Operator).JetStream(), 1))
	return connect
}

// publish sends a command the way notify's relay does.
func publish(t *testing.T, ctx context.Context, c *bus.Conn, m *eventv1.ContainSession) { //nolint:revive // t first, as in every helper
	t.Helper()
	data, err := proto.Marshal(m)
	must(t, err)
	p := bus.NewPublisher(c)
	place, err := p.Place(ctx, bus.StreamCommands)
	must(t, err)
	receipt, err := p.Publish(outbox.Row{
		ID: id.New("evt", noon), Subject: "doorward.command.session.contain", Type: "command.session.contain.v1",
		Source: "notify", Time: noon, Data: data,
	}, place)
	must(t, err)
	_, err = receipt(ctx)
	must(t, err)
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
