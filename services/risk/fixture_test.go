package risk_test

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/risk"
)

// The subjects that risk reads, and one that it doesn't.
const (
	succeeded = "doorward.event.authn.signin.succeeded"
	contained = "doorward.event.authn.session.contained"
	changed   = "doorward.event.authn.credential.password_changed"
	failed    = "doorward.attempt.signin.failed"
)

// deployment is risk with what it lives among: NATS with its identities, certificates, and callers.
type deployment struct {
	testing.TB
	dir        string
	port       int
	nats       *bus.Server
	identities map[bus.Name]bus.Identity
	clock      *clock
	change     func(*risk.Config)

	log     *lines
	metrics *prometheus.Registry
	service *risk.Service
	stop    func()
}

// clock is real time, moved forward by what the test says: streams have a clock of their own.
type clock struct {
	mu    sync.Mutex
	ahead time.Duration
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return time.Now().Add(c.ahead)
}

func (c *clock) forward(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.ahead += d
}

// prepare makes everything but runs nothing of risk's.
func prepare(t testing.TB) *deployment {
	t.Helper()
	d := &deployment{TB: t, dir: t.TempDir(), port: porttest.Hold(t), identities: map[bus.Name]bus.Identity{}, clock: &clock{}, change: func(*risk.Config) {}}
	_, err := certs.Create(d.path("certs"), []string{"authn", "risk", "notify", "portal", "operator"}, certs.Options{Now: time.Now()})
	must(t, err)
	identities, err := bus.CreateIdentities(d.path("nats"))
	must(t, err)
	for _, identity := range identities {
		d.identities[identity.Name] = identity
	}
	d.startNATS()
	t.Cleanup(func() { d.nats.Stop() })
	must(t, bus.Apply(deadline(t), d.as(bus.Operator).JetStream(), 1))
	return d
}

// deploy also runs risk until the test ends, and waits until it serves.
func deploy(t testing.TB) *deployment {
	t.Helper()
	d := prepare(t)
	d.start()
	return d
}

func (d *deployment) path(parts ...string) string {
	return filepath.Join(append([]string{d.dir}, parts...)...)
}

func (d *deployment) startNATS() {
	d.Helper()
	var identities []bus.Identity
	for _, identity := range d.identities {
		identities = append(identities, identity)
	}
	var err error
	d.nats, err = bus.StartServer(bus.ServerConfig{Dir: d.path("jetstream"), Port: d.port, Identities: identities, Logger: quiet()})
	must(d, err)
}

func (d *deployment) config() risk.Config {
	cfg := risk.DefaultConfig()
	cfg.Listen, cfg.DataDir, cfg.Certs = "127.0.0.1:0", d.path("data"), d.path("certs")
	cfg.NATS = bus.Settings{URL: fmt.Sprintf("nats://127.0.0.1:%d", d.port), Seed: bus.SeedFile(d.path("nats"), bus.Risk)}
	d.change(&cfg)
	return cfg
}

// start runs risk and waits until it serves.
func (d *deployment) start() {
	d.Helper()
	d.run()
	d.eventually("risk serves", func() bool { return d.healthy() })
}

// run runs risk; stop ends it and checks its file.
func (d *deployment) run() {
	d.Helper()
	d.log, d.metrics = &lines{}, prometheus.NewRegistry()
	var err error
	d.service, err = risk.New(deadline(d), d.config(), risk.Deps{
		Logger: slog.New(slog.NewTextHandler(d.log, nil)), Registerer: d.metrics, Now: d.clock.now,
	})
	must(d, err)
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- d.service.Run(ctx) }()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			d.Errorf("Run = %v", err)
		}
		boltdbtest.Check(d, d.path("data", "risk.db"))
	})
	d.Cleanup(d.stop)
}

func (d *deployment) healthy() bool {
	conn := d.dial("authn")
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(deadline(d), &grpc_health_v1.HealthCheckRequest{})
	return err == nil && answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING
}

// dial connects to risk with a service's certificate.
func (d *deployment) dial(name string) *grpc.ClientConn {
	d.Helper()
	material, err := certs.Load(d.path("certs"), name, quiet())
	must(d, err)
	conn, err := rpc.Dial(d.service.Addr().String(), rpc.ClientConfig{TLS: certs.ClientTLS(material, "risk")})
	must(d, err)
	d.Cleanup(func() { _ = conn.Close() })
	return conn
}

// as connects to NATS as an identity.
func (d *deployment) as(name bus.Name) *bus.Conn {
	d.Helper()
	conn, err := bus.Connect(deadline(d), bus.Config{URL: d.nats.URL(), Identity: d.identities[name], Logger: quiet()})
	must(d, err)
	d.Cleanup(conn.Close)
	return conn
}

// assess asks about a sign-in, as authn.
func (d *deployment) assess(change func(*riskv1.AssessRequest)) *riskv1.AssessResponse {
	d.Helper()
	answer, err := d.ask(change)
	must(d, err)
	return answer
}

func (d *deployment) ask(change func(*riskv1.AssessRequest)) (*riskv1.AssessResponse, error) {
	d.Helper()
	conn := d.dial("authn")
	defer conn.Close()
	request := &riskv1.AssessRequest{
		Purpose: riskv1.Purpose_PURPOSE_SIGN_IN, AttemptId: "att_1", UserId: "usr_1", AccountKey: key("usr_1"), Ip: d.address("DE"),
		UserAgent: "Mozilla/5.0",
	}
	change(request)
	return riskv1.NewRiskServiceClient(conn).Assess(deadline(d), request)
}

// from asks about a user's sign-in from a country; "" is one that isn't known.
func (d *deployment) from(userID, country string) *riskv1.AssessResponse {
	d.Helper()
	return d.assess(func(r *riskv1.AssessRequest) {
		r.UserId, r.AccountKey, r.Ip = userID, key(userID), d.address(country)
	})
}

func (d *deployment) address(country string) string {
	d.Helper()
	if country == "" {
		return "127.0.0.1"
	}
	ip, _, err := risk.SampleAddress(country)
	must(d, err)
	return ip.String()
}

// signedIn is the event of a user's n-th change: a sign-in from a country.
func (d *deployment) signedIn(userID string, n uint64, country, decisionID string) outbox.Row {
	d.Helper()
	return row(fmt.Sprintf("evt_%s_%d", userID, n), succeeded, userID, n, d.clock.now(), &eventv1.SignInSucceeded{
		UserId: userID, SessionId: fmt.Sprintf("ses_%s_%d", userID, n), Ip: d.address(country), AccountKey: key(userID),
		DecisionId: decisionID, SignedInAt: timestamppb.New(d.clock.now()),
	})
}

// containedSession is the event of a user's n-th change: the owner disowned the session of an earlier one.
func (d *deployment) containedSession(userID string, n, earlier uint64) outbox.Row {
	return row(fmt.Sprintf("evt_%s_%d", userID, n), contained, userID, n, d.clock.now(), &eventv1.SessionContained{
		UserId: userID, EndedSessionIds: []string{fmt.Sprintf("ses_%s_%d", userID, earlier)},
		SignedInAt: timestamppb.New(d.clock.now()), ContainedAt: timestamppb.New(d.clock.now()),
	})
}

func row(id, subject, userID string, version uint64, at time.Time, body proto.Message) outbox.Row {
	data, err := proto.Marshal(body)
	if err != nil {
		panic(err)
	}
	return outbox.Row{
		ID: id, Subject: subject, Key: userID, UserVersion: version, Type: bus.TypeOf(subject), Source: "authn", Time: at, Data: data,
	}
}

// publish sends events as authn's relay does, and waits until they are stored.
func (d *deployment) publish(rows ...outbox.Row) {
	d.Helper()
	conn := d.as(bus.Authn)
	defer conn.Close()
	p := bus.NewPublisher(conn)
	for _, r := range rows {
		stream, err := p.Route(r.Subject)
		must(d, err)
		place, err := p.Place(deadline(d), stream)
		must(d, err)
		receipt, err := p.Publish(r, place)
		must(d, err)
		_, err = receipt(deadline(d))
		must(d, err)
	}
}

// applied waits until risk has applied this many events of a stream since it was started.
func (d *deployment) applied(stream string, n float64) {
	d.Helper()
	d.eventually(fmt.Sprintf("%v events of %s were read", n, stream), func() bool {
		return d.metric("doorward_bus_deliveries_total", "stream", stream) >= n
	})
}

// metric is the sum of a counter's or gauge's series with this label.
func (d *deployment) metric(name, label, value string) float64 {
	d.Helper()
	families, err := d.metrics.Gather()
	must(d, err)
	sum := 0.0
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == label && l.GetValue() == value {
					sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
				}
			}
		}
	}
	return sum
}

// eventually waits for a condition on something that lives outside the test's control.
func (d *deployment) eventually(what string, holds func() bool) {
	d.Helper()
	ctx := deadline(d)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			d.Fatalf("not reached: %s\n%s", what, d.log)
		}
	}
}

func (d *deployment) wantAnswer(r *riskv1.AssessResponse, gate riskv1.Gate, verdict riskv1.Verdict, signals ...string) {
	d.Helper()
	if r.GetGate() != gate || r.GetVerdict() != verdict || !slices.Equal(r.GetSignals(), signals) {
		d.Errorf("answer = %v, %v, %v; want %v, %v, %v", r.GetGate(), r.GetVerdict(), r.GetSignals(), gate, verdict, signals)
	}
}

// key is authn's keyed hash of an identifier.
func key(userID string) []byte {
	k := make([]byte, 32)
	copy(k, userID)
	return k
}

// copyFiles copies a directory of the deployment.
func (d *deployment) copyFiles(name string) (to string) {
	d.Helper()
	to = filepath.Join(d.TempDir(), name)
	must(d, os.CopyFS(to, os.DirFS(d.path(name))))
	return to
}

// putBack replaces a directory, as a power cut or a restored backup does.
func (d *deployment) putBack(name, from string) {
	d.Helper()
	must(d, os.RemoveAll(d.path(name)))
	must(d, os.CopyFS(d.path(name), os.DirFS(from)))
}

// deadline is a context in which everything here must be done.
func deadline(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// lines is a log that tests read while the service writes.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
