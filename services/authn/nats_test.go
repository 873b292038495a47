package authn_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/internal/seal"
)

// natsServer is an embedded server with every identity, at a port that is known before it runs.
type natsServer struct {
	*testing.T
	keys, dir  string
	port       int
	identities map[bus.Name]bus.Identity
	stop       func()
}

func newNATS(t *testing.T, dir string) *natsServer {
	t.Helper()
	n := &natsServer{T: t, keys: filepath.Join(dir, "keys"), dir: filepath.Join(dir, "js"), port: porttest.Hold(t), identities: map[bus.Name]bus.Identity{}}
	all, err := bus.CreateIdentities(n.keys)
	n.must(err)
	for _, identity := range all {
		n.identities[identity.Name] = identity
	}
	return n
}

func (n *natsServer) must(err error) {
	n.Helper()
	if err != nil {
		n.Fatal(err)
	}
}

func (n *natsServer) url() string { return fmt.Sprintf("nats://127.0.0.1:%d", n.port) }

// start runs the server and applies the streams.
func (n *natsServer) start() {
	n.Helper()
	var all []bus.Identity
	for _, identity := range n.identities {
		all = append(all, identity)
	}
	server, err := bus.StartServer(bus.ServerConfig{Dir: n.dir, Port: n.port, Identities: all, Logger: quiet()})
	n.must(err)
	n.stop = sync.OnceFunc(server.Stop)
	n.Cleanup(n.stop)
	n.must(bus.Apply(n.deadline(), n.as(bus.Operator).JetStream(), 1))
}

func (n *natsServer) deadline() context.Context {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(n.Context()), 20*time.Second)
	n.Cleanup(cancel)
	return ctx
}

func (n *natsServer) as(name bus.Name) *bus.Conn {
	n.Helper()
	c, err := bus.Connect(n.deadline(), bus.Config{URL: n.url(), Identity: n.identities[name], Logger: quiet()})
	n.must(err)
	n.Cleanup(c.Close)
	return c
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

// events reads a stream as its consumer does, for as long as the test runs.
func (n *natsServer) events(stream string) <-chan bus.Event {
	n.Helper()
	found := make(chan bus.Event, 1024)
	metrics, err := bus.NewMetrics(prometheus.NewRegistry())
	n.must(err)
	conn := n.as(bus.Notify)
	ctx, cancel := context.WithCancel(context.WithoutCancel(n.Context()))
	ended := make(chan error, 1)
	go func() {
		ended <- bus.Consume(ctx, conn, bus.ConsumeConfig{
			Stream: stream, MaxInFlight: 1, Logger: quiet(), Metrics: metrics,
			Handle: func(_ context.Context, e bus.Event) error {
				found <- e
				return nil
			},
		})
	}()
	n.Cleanup(func() {
		cancel()
		n.must(<-ended)
	})
	return found
}

// await takes events until one is of the type, and reads it.
func await(t *testing.T, events <-chan bus.Event, eventType string, body proto.Message) bus.Event {
	t.Helper()
	patience := time.NewTimer(20 * time.Second)
	defer patience.Stop()
	for {
		select {
		case e := <-events:
			if e.Type != eventType {
				continue
			}
			if err := proto.Unmarshal(e.Data, body); err != nil {
				t.Fatal(err)
			}
			return e
		case <-patience.C:
			t.Fatalf("no %s came", eventType)
		}
	}
}

// mailbox is notify as authn knows it: it opens the sealed mails.
type mailbox struct {
	w      *world
	events <-chan bus.Event
}

func (w *world) mailbox() *mailbox {
	w.Helper()
	return &mailbox{w: w, events: w.nats.events(bus.StreamMail)}
}

// next opens the next mail, whoever it is for.
func (m *mailbox) next() (*eventv1.SealedMail, *eventv1.MailContent) {
	m.w.Helper()
	var sealed eventv1.SealedMail
	e := await(m.w.T, m.events, "mail.send.v1", &sealed)
	plain, err := m.w.opener.Open(
		seal.Envelope{KeyID: sealed.GetKeyId(), Enc: sealed.GetEncapsulatedKey(), Ciphertext: sealed.GetCiphertext()},
		seal.AAD{MessageID: e.ID, Recipient: sealed.GetEmail(), Purpose: sealed.GetPurpose().String(), Expires: sealed.GetExpiresAt().AsTime()},
		m.w.clock.now())
	m.w.must(err)
	var content eventv1.MailContent
	m.w.must(proto.Unmarshal(plain, &content))
	return &sealed, &content
}

// code is the code in the next mail, which must be for this address and purpose.
func (m *mailbox) code(email string, purpose eventv1.MailPurpose) string {
	m.w.Helper()
	sealed, content := m.next()
	if sealed.GetEmail() != email || sealed.GetPurpose() != purpose || len(content.GetCode()) != 6 {
		m.w.Fatalf("the next mail is %v to %s with a code of %d digits, want %v to %s",
			sealed.GetPurpose(), sealed.GetEmail(), len(content.GetCode()), purpose, email)
	}
	return content.GetCode()
}

// send publishes a command the way notify's relay does.
func (n *natsServer) send(m *eventv1.ContainSession) {
	n.Helper()
	data, err := proto.Marshal(m)
	n.must(err)
	n.sendRaw(data)
}

func (n *natsServer) sendRaw(data []byte) {
	n.Helper()
	p := bus.NewPublisher(n.as(bus.Notify))
	place, err := p.Place(n.deadline(), bus.StreamCommands)
	n.must(err)
	receipt, err := p.Publish(outbox.Row{
		ID: id.New("evt", time.Now()), Subject: "doorward.command.session.contain", Type: "command.session.contain.v1",
		Source: "notify", Time: time.Now(), Data: data,
	}, place)
	n.must(err)
	_, err = receipt(n.deadline())
	n.must(err)
}

// feed reads the revocations as an SDK does, from the stream's beginning.
func (n *natsServer) feed() <-chan jetstream.Msg {
	n.Helper()
	consumer, err := n.as(bus.SDK).JetStream().OrderedConsumer(n.deadline(), bus.StreamRevocations, jetstream.OrderedConsumerConfig{})
	n.must(err)
	found := make(chan jetstream.Msg, 1024)
	reading, err := consumer.Consume(func(m jetstream.Msg) { found <- m })
	n.must(err)
	n.Cleanup(reading.Stop)
	return found
}
