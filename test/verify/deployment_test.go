package verify_test

import (
	"context"
	"io"
	"log/slog"
	"net/url"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/sdk/doorwardtest"
	"github.com/doorward/doorward/sdk/verify"
)

const patience = 20 * time.Second

// deployment is a NATS server with the streams, on which the test speaks as authn.
type deployment struct {
	testing.TB
	keys, files string
	port        int
	identities  []bus.Identity
	server      *bus.Server
	authn       *bus.Conn
}

func newDeployment(t testing.TB) *deployment {
	t.Helper()
	d := &deployment{TB: t, keys: t.TempDir(), files: t.TempDir()}
	var err error
	if d.identities, err = bus.CreateIdentities(d.keys); err != nil {
		t.Fatal(err)
	}
	d.start()
	d.authn = d.connect(bus.Authn)
	t.Cleanup(func() {
		d.authn.Close()
		d.server.Stop()
	})
	return d
}

// start runs the server, at the port of the first time, and lays the streams.
func (d *deployment) start() {
	d.Helper()
	server, err := bus.StartServer(bus.ServerConfig{Dir: d.files, Port: d.port, Identities: d.identities, Logger: quiet()})
	if err != nil {
		d.Fatal(err)
	}
	d.server = server
	address, err := url.Parse(server.URL())
	if err != nil {
		d.Fatal(err)
	}
	if d.port, err = strconv.Atoi(address.Port()); err != nil {
		d.Fatal(err)
	}
	operator := d.connect(bus.Operator)
	defer operator.Close()
	ctx, cancel := context.WithTimeout(d.Context(), patience)
	defer cancel()
	if err := bus.Apply(ctx, operator.JetStream(), 1); err != nil {
		d.Fatal(err)
	}
}

func (d *deployment) connect(name bus.Name) *bus.Conn {
	d.Helper()
	identity, err := bus.LoadIdentity(d.keys, name)
	if err != nil {
		d.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.Context(), patience)
	defer cancel()
	conn, err := bus.Connect(ctx, bus.Config{URL: d.server.URL(), Identity: identity, Logger: quiet()})
	if err != nil {
		d.Fatal(err)
	}
	return conn
}

// restartEmpty loses the streams with all that was in them, as a restored machine may; sequences begin anew.
func (d *deployment) restartEmpty() {
	d.Helper()
	d.server.Stop()
	if err := os.RemoveAll(d.files); err != nil {
		d.Fatal(err)
	}
	d.start()
	eventually(d, "authn is connected again", d.authn.Connected)
}

func (d *deployment) publish(subject string, message proto.Message) {
	d.Helper()
	body, err := proto.Marshal(message)
	if err != nil {
		d.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(d.Context(), patience)
	defer cancel()
	if _, err := d.authn.JetStream().Publish(ctx, subject, body); err != nil {
		d.Fatal(err)
	}
}

func (d *deployment) beat() {
	d.Helper()
	d.publish("doorward.revocation.heartbeat", &eventv1.RevocationHeartbeat{DrainedAt: timestamppb.Now()})
}

func (d *deployment) revoke(sessionID string) {
	d.Helper()
	d.publish("doorward.revocation.session."+sessionID, &eventv1.Revocation{
		SessionId:   sessionID,
		RevokedAt:   timestamppb.Now(),
		ForgetAfter: timestamppb.New(time.Now().Add(time.Minute)),
	})
}

// applied is a source that tells of each message once the verifier has applied it.
type applied struct {
	verify.Source
	subjects chan string
}

func (a applied) Read(ctx context.Context, since time.Time, handle func(string, []byte)) error {
	return a.Source.Read(ctx, since, func(subject string, body []byte) {
		handle(subject, body)
		select {
		case a.subjects <- subject:
		default: // nobody waits
		}
	})
}

// guard makes a verifier that reads the deployment's feed as the SDK.
func (d *deployment) guard(adjust ...func(*verify.Config)) (*doorwardtest.Doorward, <-chan string) {
	d.Helper()
	source, err := verify.NATS(verify.NATSConfig{URL: d.server.URL(), SeedFile: bus.SeedFile(d.keys, bus.SDK)})
	if err != nil {
		d.Fatal(err)
	}
	subjects := make(chan string, 1024)
	feed := func(c *verify.Config) {
		c.Revocations, c.MaxFeedAge, c.OnStale = applied{source, subjects}, 5*time.Second, verify.Closed
	}
	return doorwardtest.New(d, append([]func(*verify.Config){feed}, adjust...)...), subjects
}

// skewed is a clock that can be put forward.
type skewed struct {
	mu   sync.Mutex
	skew time.Duration
}

func (s *skewed) now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return time.Now().Add(s.skew)
}

func (s *skewed) advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.skew += d
}

// await returns when the verifier has applied a message of the subject.
func await(t testing.TB, subjects <-chan string, want string) {
	t.Helper()
	timer := time.NewTimer(patience)
	defer timer.Stop()
	for {
		select {
		case subject := <-subjects:
			if subject == want {
				return
			}
		case <-timer.C:
			t.Fatalf("%s wasn't applied within %v", want, patience)
		}
	}
}

func eventually(t testing.TB, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

func quiet() *slog.Logger { return slog.New(slog.NewTextHandler(io.Discard, nil)) }
