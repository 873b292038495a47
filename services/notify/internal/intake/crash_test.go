package intake_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/intake"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/store/boltstore"
	"github.com/doorward/doorward/services/notify/internal/template"
	"github.com/doorward/doorward/services/notify/internal/tuning"
)

var errDied = errors.New("the process died before it acknowledged")

// TestCrashBetweenHandlingAndAckingSendsNoSecondMail has a real consumer die right after its handler did all its work, once for an alert and
// once for a code, and NATS deliver both again.
func TestCrashBetweenHandlingAndAckingSendsNoSecondMail(t *testing.T) {
	w := newWorld(t)
	for _, read := range []struct{ stream, subject string }{
		{bus.StreamAuthn, intake.SubjectNewDevice},
		{bus.StreamMail, intake.SubjectMail},
	} {
		again := w.consumeAndDieOnce(read.stream, read.subject)
		eventID := "evt_" + read.stream
		w.publish(read.subject, eventID, w.body(read.subject, eventID))
		select {
		case <-again:
		case <-w.deadline().Done():
			t.Fatalf("%s: the message didn't come again", read.stream)
		}
	}
	_, err := w.inbox.Wait(w.deadline(), func(m inbox.Message) bool { return m.SentTo("alert@example.com") })
	w.must(err)
	_, err = w.inbox.Wait(w.deadline(), func(m inbox.Message) bool { return m.SentTo("code@example.com") })
	w.must(err)
	// What was to be sent is settled; a mail more would have been queued by now.
	w.stopSending()
	if n := len(w.inbox.Messages()); n != 2 {
		t.Errorf("%d mails, want one alert and one code", n)
	}
}

// world is the intake over real flows, store, bus and mail server.
type world struct {
	*testing.T
	nats        *bus.Server
	ids         map[bus.Name]bus.Identity
	inbox       *inbox.Inbox
	intake      *intake.Intake
	sealTo      seal.Recipient
	metrics     *bus.Metrics
	stopSending func()
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{T: t, ids: map[bus.Name]bus.Identity{}}
	w.startNATS()
	box, err := inbox.New(inbox.Config{SMTPAddress: "127.0.0.1:0", WebAddress: "127.0.0.1:0"})
	w.must(err)
	w.inbox = box
	w.background(box.Run)

	s, err := boltstore.Open(filepath.Join(t.TempDir(), "notify.db"), boltstore.Options{})
	w.must(err)
	t.Cleanup(func() { _ = s.Close() })
	sender, err := mail.New(mail.Config{Address: box.SMTPAddr(), TLS: mail.Plain, From: "no-reply@example.com"}, time.Now)
	w.must(err)
	templates, err := template.New()
	w.must(err)
	metrics, err := flow.NewMetrics(prometheus.NewRegistry())
	w.must(err)
	deps := flow.Deps{
		Store: s, Policy: func(context.Context) tuning.Policy { return tuning.Default() }, Prepare: prepare, Post: sender.Send,
		Templates: templates, PortalURL: "https://id.example.com", Product: "Notes", Now: time.Now, Logger: quiet(), Metrics: metrics,
	}
	key := filepath.Join(t.TempDir(), "mail.key")
	w.sealTo, err = seal.CreateKey(key)
	w.must(err)
	opener, err := seal.LoadOpener(key)
	w.must(err)
	w.metrics, err = bus.NewMetrics(prometheus.NewRegistry())
	w.must(err)
	outgoing := flow.NewOutgoing(deps)
	w.stopSending = w.background(outgoing.Run)
	w.intake = intake.New(intake.Config{
		Alerts: flow.NewAlerts(deps, outgoing.Wake), Mails: flow.NewMails(deps), Opener: opener, Now: time.Now,
	})
	return w
}

func prepare(context.Context, string) ([]flow.Recipient, error) {
	return []flow.Recipient{{Email: "alert@example.com", ContainToken: secret.Wrap("cnt_token")}}, nil
}

func (w *world) startNATS() {
	w.Helper()
	var all []bus.Identity
	for _, name := range bus.Names() {
		identity, err := bus.NewIdentity(name)
		w.must(err)
		w.ids[name] = identity
		all = append(all, identity)
	}
	server, err := bus.StartServer(bus.ServerConfig{Dir: w.TempDir(), Identities: all, Logger: quiet()})
	w.must(err)
	w.nats = server
	w.Cleanup(server.Stop)
	w.must(bus.Apply(w.deadline(), w.as(bus.Operator).JetStream(), 1))
}

func (w *world) as(name bus.Name) *bus.Conn {
	w.Helper()
	c, err := bus.Connect(w.deadline(), bus.Config{URL: w.nats.URL(), Identity: w.ids[name], Logger: quiet()})
	w.must(err)
	w.Cleanup(c.Close)
	return c
}

// consumeAndDieOnce reads a subject; the first handling does everything and is then forgotten. The answer tells when the same message has
// been handled again.
func (w *world) consumeAndDieOnce(stream, subject string) <-chan struct{} {
	w.Helper()
	conn := w.as(bus.Notify)
	again := make(chan struct{}, 1)
	w.background(func(ctx context.Context) error {
		return bus.Consume(ctx, conn, bus.ConsumeConfig{
			Stream: stream, Subjects: []string{subject}, Backoff: []time.Duration{10 * time.Millisecond},
			Logger: quiet(), Metrics: w.metrics,
			Handle: func(ctx context.Context, e bus.Event) error {
				if err := w.intake.Handle(ctx, e); err != nil {
					w.Errorf("handle: %v", err)
				}
				if e.Delivery == 1 {
					return errDied
				}
				again <- struct{}{}
				return nil
			},
		})
	})
	return again
}

func (w *world) body(subject, eventID string) proto.Message {
	w.Helper()
	if subject == intake.SubjectNewDevice {
		return &eventv1.SignInNewDevice{UserId: "usr_1", SessionId: "ses_1", SignedInAt: timestamppb.Now()}
	}
	expires := time.Now().Add(time.Minute).Truncate(time.Millisecond)
	content, err := proto.Marshal(&eventv1.MailContent{Code: "048213", RequestedAt: timestamppb.Now()})
	w.must(err)
	purpose := eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE
	sealed, err := seal.Seal(w.sealTo, seal.AAD{
		MessageID: eventID, Recipient: "code@example.com", Purpose: purpose.String(), Expires: expires,
	}, content)
	w.must(err)
	return &eventv1.SealedMail{
		Email: "code@example.com", Purpose: purpose, ExpiresAt: timestamppb.New(expires),
		KeyId: sealed.KeyID, EncapsulatedKey: sealed.Enc, Ciphertext: sealed.Ciphertext,
	}
}

func (w *world) publish(subject, eventID string, body proto.Message) {
	w.Helper()
	data, err := proto.Marshal(body)
	w.must(err)
	p := bus.NewPublisher(w.as(bus.Authn))
	stream, err := p.Route(subject)
	w.must(err)
	place, err := p.Place(w.deadline(), stream)
	w.must(err)
	receipt, err := p.Publish(outbox.Row{
		ID: eventID, Subject: subject, Type: bus.TypeOf(subject), Source: "authn", Time: time.Now(), Data: data,
	}, place)
	w.must(err)
	_, err = receipt(w.deadline())
	w.must(err)
}

func (w *world) background(run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("ended with %v", err)
		}
	})
	w.Cleanup(stop)
	return stop
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) deadline() context.Context {
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	w.Cleanup(cancel)
	return ctx
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
