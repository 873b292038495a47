package notify_test

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/notify"
)

// suite is a notify service amid real neighbours: NATS with its permissions, an SMTP server, an authn that answers over mTLS.
type suite struct {
	*testing.T
	cfg     notify.Config
	log     *buffer
	nats    *bus.Server
	natsDir string
	port    int // of NATS
	ids     map[bus.Name]bus.Identity
	authn   *authn
	inbox   *inbox.Inbox
	sealTo  seal.Recipient
	clock   *clock

	service *notify.Service
	stop    func()
}

// newSuite starts the neighbours, not notify.
func newSuite(t *testing.T) *suite {
	t.Helper()
	dir := t.TempDir()
	s := &suite{T: t, log: &buffer{}, natsDir: filepath.Join(dir, "stream"), port: porttest.Hold(t), ids: map[bus.Name]bus.Identity{}, clock: &clock{}}
	certDir := filepath.Join(dir, "certs")
	_, err := certs.Create(certDir, []string{"authn", "risk", "notify", "portal", "operator"}, certs.Options{Now: time.Now()})
	s.must(err)
	keys := filepath.Join(dir, "keys")
	s.must(os.MkdirAll(keys, 0o700))
	s.sealTo, err = seal.CreateKey(filepath.Join(keys, "mail.key"))
	s.must(err)
	identities, err := bus.CreateIdentities(filepath.Join(dir, "nats"))
	s.must(err)
	for _, i := range identities {
		s.ids[i.Name] = i
	}
	s.startNATS()
	s.must(bus.Apply(s.deadline(), s.as(bus.Operator).JetStream(), 1))
	s.startInbox()

	s.cfg = notify.DefaultConfig()
	s.cfg.Listen, s.cfg.DataDir, s.cfg.Certs, s.cfg.SealKeys = "127.0.0.1:0", filepath.Join(dir, "data"), certDir, keys
	s.cfg.NATS = bus.Settings{URL: s.nats.URL(), Seed: bus.SeedFile(filepath.Join(dir, "nats"), bus.Notify)}
	s.cfg.SMTP.Address, s.cfg.Product = s.inbox.SMTPAddr(), "Notes"
	s.startAuthn()
	return s
}

// start begins notify; stop ends it, and start begins it again on the same store.
func (s *suite) start() {
	s.Helper()
	logger, err := telemetry.NewLogger(telemetry.LogConfig{Writer: s.log, Level: slog.LevelDebug})
	s.must(err)
	service, err := notify.New(s.deadline(), s.cfg, notify.Deps{Logger: logger, Registerer: prometheus.NewRegistry(), Now: s.clock.now})
	s.must(err)
	s.service = service
	s.stop = s.background("notify", service.Run)
}

// background runs something until the test ends or the answer is called.
func (s *suite) background(what string, run func(context.Context) error) (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			s.Errorf("%s ended with %v", what, err)
		}
	})
	s.Cleanup(stop)
	return stop
}

func (s *suite) startNATS() {
	s.Helper()
	var all []bus.Identity
	for _, i := range s.ids {
		all = append(all, i)
	}
	server, err := bus.StartServer(bus.ServerConfig{Dir: s.natsDir, Port: s.port, Identities: all, Logger: quiet()})
	s.must(err)
	s.nats = server
	s.Cleanup(server.Stop)
}

// loseStreams brings NATS back at the same address with nothing in it.
func (s *suite) loseStreams() {
	s.Helper()
	s.nats.Stop()
	s.must(os.RemoveAll(s.natsDir))
	s.startNATS()
	s.must(bus.Apply(s.deadline(), s.as(bus.Operator).JetStream(), 1))
}

func (s *suite) startInbox() {
	s.Helper()
	box, err := inbox.New(inbox.Config{SMTPAddress: "127.0.0.1:0", WebAddress: "127.0.0.1:0"})
	s.must(err)
	s.inbox = box
	s.background("inbox", box.Run)
}

func (s *suite) startAuthn() {
	s.Helper()
	s.authn = &authn{tokens: map[string]string{}}
	server, err := rpc.NewServer(s.deadline(), rpc.ServerConfig{
		Name: "authn", Address: "127.0.0.1:0", TLS: certs.ServerTLS(s.material("authn"), certs.ServicesOnly), Authenticate: rpc.MTLSOnly,
		Table: access.Table{authnv1.AlertService_PrepareAlert_FullMethodName: {
			Callers: access.Service, Services: []string{"notify"}, Limit: access.NoLimit(), Priority: access.Vital,
		}},
		Logger: quiet(), Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	s.must(err)
	authnv1.RegisterAlertServiceServer(server, s.authn)
	s.background("authn", server.Run)
	s.cfg.Authn = server.Addr().String()
}

func (s *suite) material(name string) *certs.Material {
	s.Helper()
	m, err := certs.Load(s.cfg.Certs, name, quiet())
	s.must(err)
	return m
}

// dial connects to notify as one of the suite's services.
func (s *suite) dial(name string) *grpc.ClientConn {
	s.Helper()
	conn, err := rpc.Dial(s.service.Addr().String(), rpc.ClientConfig{TLS: certs.ClientTLS(s.material(name), "notify")})
	s.must(err)
	s.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (s *suite) portal() notifyv1.ContainmentServiceClient {
	return notifyv1.NewContainmentServiceClient(s.dial("portal"))
}

func (s *suite) operator() notifyv1.DeliveryServiceClient {
	return notifyv1.NewDeliveryServiceClient(s.dial("operator"))
}

func (s *suite) deadLetters() operatorv1.DeadLetterServiceClient {
	return operatorv1.NewDeadLetterServiceClient(s.dial("operator"))
}

// as connects to the bus as an identity.
func (s *suite) as(name bus.Name) *bus.Conn {
	s.Helper()
	c, err := bus.Connect(s.deadline(), bus.Config{URL: s.nats.URL(), Identity: s.ids[name], Logger: quiet()})
	s.must(err)
	s.Cleanup(c.Close)
	return c
}

// publish sends an event the way authn's relay does, and returns its id.
func (s *suite) publish(subject, eventID string, body proto.Message) {
	s.Helper()
	data, err := proto.Marshal(body)
	s.must(err)
	s.publishRaw(subject, eventID, data)
}

func (s *suite) publishRaw(subject, eventID string, data []byte) {
	s.Helper()
	p := bus.NewPublisher(s.as(bus.Authn))
	stream, err := p.Route(subject)
	s.must(err)
	place, err := p.Place(s.deadline(), stream)
	s.must(err)
	receipt, err := p.Publish(outbox.Row{
		ID: eventID, Subject: subject, Type: bus.TypeOf(subject), Source: "authn", Key: "usr_1", UserVersion: 1, Time: time.Now(), Data: data,
	}, place)
	s.must(err)
	_, err = receipt(s.deadline())
	s.must(err)
}

// strangerSignsIn publishes the sign-in of a stranger whose browser says what it likes.
func (s *suite) strangerSignsIn() (eventID string) {
	s.Helper()
	eventID = id.New("evt", time.Now())
	s.publishSignIn(eventID)
	return eventID
}

func (s *suite) publishSignIn(eventID string) {
	s.Helper()
	s.publish("doorward.event.authn.signin.new_device", eventID, &eventv1.SignInNewDevice{
		UserId: "usr_1", SessionId: "ses_1", Ip: "203.0.113.9", Amr: []string{"pwd", "otp"}, SignedInAt: timestamppb.Now(),
		Device: &typev1.Device{Id: "dev_1", Browser: hostile, System: "Linux", Kind: typev1.DeviceKind_DEVICE_KIND_PHONE},
		Place:  &typev1.Place{CountryCode: "PT", CountryName: "Portugal"},
	})
}

// hostile is what a stranger would like an owner's mail to hold.
const hostile = `<script src=//evil.example/x></script>"><a href=//evil.example>`

// sealed makes the mail of a code as authn does.
func (s *suite) sealed(messageID, email string, purpose eventv1.MailPurpose, expires time.Time, code string) *eventv1.SealedMail {
	s.Helper()
	content, err := proto.Marshal(&eventv1.MailContent{
		Code: code, Ip: "203.0.113.9", RequestedAt: timestamppb.Now(), Language: "en-GB,en;q=0.8",
		Device: &typev1.Device{Browser: hostile}, Padding: make([]byte, 300),
	})
	s.must(err)
	expires = expires.Truncate(time.Millisecond)
	envelope, err := seal.Seal(s.sealTo, seal.AAD{MessageID: messageID, Recipient: email, Purpose: purpose.String(), Expires: expires}, content)
	s.must(err)
	return &eventv1.SealedMail{
		Email: email, Purpose: purpose, ExpiresAt: timestamppb.New(expires),
		KeyId: envelope.KeyID, EncapsulatedKey: envelope.Enc, Ciphertext: envelope.Ciphertext,
	}
}

// sendCode publishes a sealed code.
func (s *suite) sendCode(email, code string, expires time.Time) (messageID string) {
	s.Helper()
	messageID = id.New("evt", time.Now())
	s.publish("doorward.mail.send", messageID, s.sealed(messageID, email, eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE, expires, code))
	return messageID
}

// mail waits for a mail to an address.
func (s *suite) mail(to string) inbox.Message {
	s.Helper()
	m, err := s.inbox.Wait(s.deadline(), func(m inbox.Message) bool { return m.SentTo(to) })
	if err != nil {
		s.Fatalf("no mail to %s: %v\n%s", to, err, s.log)
	}
	return m
}

// deliveries asks notify for all deliveries.
func (s *suite) deliveries() []*notifyv1.Delivery {
	s.Helper()
	answer, err := s.operator().ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{PageSize: 200})
	s.must(err)
	return answer.GetDeliveries()
}

// of waits until the deliveries of an event are all in a state, and returns them.
func (s *suite) of(eventID string, state notifyv1.DeliveryState) []*notifyv1.Delivery {
	s.Helper()
	client := s.operator()
	var found []*notifyv1.Delivery
	s.eventually("deliveries of "+eventID+" in "+state.String(), func() bool {
		answer, err := client.ListDeliveries(s.deadline(), &notifyv1.ListDeliveriesRequest{PageSize: 200})
		s.must(err)
		found = nil
		for _, d := range answer.GetDeliveries() {
			if d.GetEventId() != eventID {
				continue
			}
			if d.GetState() != state {
				return false
			}
			found = append(found, d)
		}
		return len(found) > 0
	})
	return found
}

// letters waits for dead letters.
func (s *suite) letters(want int) []*operatorv1.DeadLetter {
	s.Helper()
	client := s.deadLetters()
	var answer *operatorv1.ListDeadLettersResponse
	s.eventually("dead letters", func() bool {
		var err error
		answer, err = client.ListDeadLetters(s.deadline(), &operatorv1.ListDeadLettersRequest{})
		s.must(err)
		return len(answer.GetDeadLetters()) == want
	})
	return answer.GetDeadLetters()
}

func (s *suite) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *suite) deadline() context.Context {
	ctx, cancel := context.WithTimeout(s.Context(), 30*time.Second)
	s.Cleanup(cancel)
	return ctx
}

// eventually waits for what other processes bring about.
func (s *suite) eventually(what string, holds func() bool) {
	s.Helper()
	ctx := s.deadline()
	// Below what an operator may ask in a second.
	tick := time.NewTicker(70 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			s.Fatalf("not reached: %s\n%s", what, s.log)
		}
	}
}

// authn answers PrepareAlert: one token per event and address, however often it is asked.
type authn struct {
	authnv1.UnimplementedAlertServiceServer

	mu         sync.Mutex
	recipients []string
	tokens     map[string]string
	down       bool
}

func (a *authn) PrepareAlert(_ context.Context, req *authnv1.PrepareAlertRequest) (*authnv1.PrepareAlertResponse, error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.down {
		return nil, fault.New(fault.Unavailable, typev1.Reason_REASON_UNAVAILABLE, "down")
	}
	out := &authnv1.PrepareAlertResponse{}
	for _, email := range a.recipients {
		key := req.GetEventId() + " " + email
		if a.tokens[key] == "" {
			a.tokens[key] = secret.New("cnt").Reveal()
		}
		out.Recipients = append(out.Recipients, &authnv1.Recipient{Email: email, Language: "en", ContainToken: a.tokens[key]})
	}
	return out, nil
}

func (a *authn) tells(emails ...string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.recipients = emails
}

func (a *authn) isDown(down bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.down = down
}

func (a *authn) token(eventID, email string) string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.tokens[eventID+" "+email]
}

// clock is the time, and what a test adds to it.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }

type buffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
