package flow_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/store/boltstore"
	"github.com/doorward/doorward/services/notify/internal/template"
	"github.com/doorward/doorward/services/notify/internal/tuning"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const portalURL = "https://id.example.com"

// world is the use cases over a real store, with authn and the mail server in the test's hands.
type world struct {
	*testing.T
	flow.Deps

	path  string
	bolt  *boltstore.Store
	log   *buffer
	clock *clock
	authn *authn
	smtp  *smtp

	metrics *prometheus.Registry
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, path: filepath.Join(t.TempDir(), "notify.db"), log: &buffer{}, clock: &clock{at: noon}, authn: &authn{}, smtp: &smtp{}}
	w.open()
	templates, err := template.New()
	w.must(err)
	w.metrics = prometheus.NewRegistry()
	metrics, err := flow.NewMetrics(w.metrics)
	w.must(err)
	w.Deps = flow.Deps{
		Store: w.bolt, Policy: func(context.Context) tuning.Policy { return tuning.Default() }, Prepare: w.authn.prepare, Post: w.smtp.post,
		Templates: templates, PortalURL: portalURL, Product: "Notes", Now: w.clock.now,
		Logger: slog.New(slog.NewTextHandler(w.log, nil)), Metrics: metrics,
	}
	return w
}

// open opens the store; the one before is closed first, as a crash would leave it.
func (w *world) open() {
	w.Helper()
	if w.bolt != nil {
		w.must(w.bolt.Close())
	}
	s, err := boltstore.Open(w.path, boltstore.Options{})
	w.must(err)
	w.bolt, w.Store = s, s
	w.Cleanup(func() {
		if err := s.Close(); err != nil {
			w.Errorf("close: %v", err)
		}
		if s == w.bolt {
			boltdbtest.Check(w.T, w.path)
		}
	})
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) update(fn func(store.Tx) error) {
	w.Helper()
	w.must(w.Store.Update(w.Context(), fn))
}

// deliveries is all there is, newest first.
func (w *world) deliveries() (all []alert.Delivery) {
	w.Helper()
	w.must(w.Store.View(w.Context(), func(tx store.Tx) (err error) {
		all, err = tx.Deliveries.List(alert.Filter{Limit: 1000})
		return err
	}))
	return all
}

// of is the delivery of an event: ids of one moment have no order.
func (w *world) of(eventID string) alert.Delivery {
	w.Helper()
	for _, d := range w.deliveries() {
		if d.EventID == eventID {
			return d
		}
	}
	w.Fatalf("no delivery of %s", eventID)
	return alert.Delivery{}
}

// only is the one delivery there is.
func (w *world) only() alert.Delivery {
	w.Helper()
	all := w.deliveries()
	if len(all) != 1 {
		w.Fatalf("%d deliveries, want 1", len(all))
	}
	return all[0]
}

// published is what waits in the outbox. Each row must be one that the bus takes.
func (w *world) published() []outbox.Row {
	w.Helper()
	rows, err := w.bolt.Queue().Pending(w.Context(), 1000)
	w.must(err)
	for _, row := range rows {
		w.must(bus.ValidRow(row))
	}
	return rows
}

// settled are the ends that the outbox tells of, by delivery.
func (w *world) settled() map[string]string {
	w.Helper()
	out := map[string]string{}
	for _, row := range w.published() {
		if row.Type != "notify.delivery.settled.v1" {
			continue
		}
		var body eventv1.DeliverySettled
		w.must(proto.Unmarshal(row.Data, &body))
		if was, twice := out[body.GetDeliveryId()]; twice {
			w.Errorf("delivery %s settled twice: %s and %s", body.GetDeliveryId(), was, body.GetState())
		}
		out[body.GetDeliveryId()] = body.GetState()
	}
	return out
}

// commands are the containments that the outbox asks authn for.
func (w *world) commands() (all []*eventv1.ContainSession) {
	w.Helper()
	for _, row := range w.published() {
		if row.Type == "command.session.contain.v1" {
			body := new(eventv1.ContainSession)
			w.must(proto.Unmarshal(row.Data, body))
			all = append(all, body)
		}
	}
	return all
}

// sending runs Outgoing and returns what ends it.
func (w *world) sending(o *flow.Outgoing) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- o.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("Outgoing: %v", err)
		}
	})
	w.Cleanup(stop)
	return stop
}

// eventually waits for what another goroutine brings about.
func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			w.Fatalf("not reached: %s\n%s", what, w.log)
		}
	}
}

// absent fails when a secret is in the log or, where it must not be, in the store's file.
func (w *world) absent(secrets ...string) {
	w.Helper()
	for _, s := range secrets {
		if s != "" && bytes.Contains(w.log.Bytes(), []byte(s)) {
			w.Errorf("the log holds %q:\n%s", s, w.log)
		}
	}
}

func (w *world) notStored(secrets ...string) {
	w.Helper()
	content, err := os.ReadFile(w.path)
	w.must(err)
	for _, s := range secrets {
		if bytes.Contains(content, []byte(s)) {
			w.Errorf("the store holds %q", s)
		}
	}
}

// authn answers PrepareAlert.
type authn struct {
	mu         sync.Mutex
	recipients []flow.Recipient
	err        error
	asked      int
}

func (a *authn) prepare(context.Context, string) ([]flow.Recipient, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.asked++
	return a.recipients, a.err
}

func (a *authn) answers(err error, recipients ...flow.Recipient) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recipients, a.err = recipients, err
}

func (a *authn) times() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.asked
}

// smtp takes mails, or answers as the test says.
type smtp struct {
	mu     sync.Mutex
	mails  []mail.Message
	answer func(context.Context, mail.Message) error
}

func (s *smtp) post(ctx context.Context, m mail.Message) error {
	s.mu.Lock()
	answer := s.answer
	s.mu.Unlock()
	if answer != nil {
		if err := answer(ctx, m); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mails = append(s.mails, m)
	return nil
}

func (s *smtp) answers(answer func(context.Context, mail.Message) error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answer = answer
}

func (s *smtp) accepted() []mail.Message {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]mail.Message(nil), s.mails...)
}

var errDown = errors.New("connection refused")

func down(context.Context, mail.Message) error { return errDown }

func refused(context.Context, mail.Message) error {
	return fmt.Errorf("%w: RCPT answered 550", mail.ErrPermanent)
}

type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) Bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return bytes.Clone(b.buf.Bytes())
}

func (b *buffer) String() string { return string(b.Bytes()) }

func signIn() alert.SignIn {
	return alert.SignIn{
		UserID: "usr_1", SessionID: "ses_1", DeviceID: "dev_1", Browser: "Firefox 146", System: "Linux", DeviceKind: alert.Desktop,
		CountryCode: "PT", Country: "Portugal", IP: "192.0.2.7", AMR: []string{"pwd", "otp"}, At: noon,
	}
}

func recipient(email string) flow.Recipient {
	return flow.Recipient{Email: email, Language: "de-DE,de;q=0.9", ContainToken: secret.New("cnt")}
}
