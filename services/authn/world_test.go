package authn_test

import (
	"bytes"
	"context"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

// world is authn as it runs: its own files, TLS, a NATS server with identities and permissions, and a risk service that answers as the
// test says.
type world struct {
	*testing.T
	cfg     authn.Config
	clock   *clock
	log     *logBuffer
	logger  *slog.Logger
	metrics *prometheus.Registry
	nats    *natsServer
	risk    *risk
	opener  *seal.Opener
	first   authn.Bootstrapped
	service *authn.Service
	stop    func()                    // ends Run and waits for it; may be called twice
	adapt   func(flow.Deps) flow.Deps // gives the flows other parts
}

// newWorld prepares everything and starts authn.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := prepareWorld(t)
	w.nats.start()
	w.start()
	return w
}

// prepareWorld prepares everything and starts risk alone.
func prepareWorld(t *testing.T) *world {
	t.Helper()
	dir := t.TempDir()
	w := &world{T: t, clock: &clock{}, log: &logBuffer{}, adapt: func(d flow.Deps) flow.Deps { return d }}
	w.cfg = authn.Config{
		Listen:  "127.0.0.1:0",
		DataDir: filepath.Join(dir, "data"),
		KeysDir: filepath.Join(dir, "keys"),
		Certs:   filepath.Join(dir, "certs"),
		Issuer:  "https://id.example.com",
		MailKey: filepath.Join(dir, "mail.key"+seal.PublicSuffix),
	}
	var err error
	w.logger, err = telemetry.NewLogger(telemetry.LogConfig{Writer: w.log, Level: slog.LevelDebug})
	w.must(err)
	_, err = certs.Create(w.cfg.Certs, []string{"authn", "risk", "notify", "portal", "operator"}, certs.Options{Now: time.Now()})
	w.must(err)
	_, err = seal.CreateKey(filepath.Join(dir, "mail.key"))
	w.must(err)
	w.opener, err = seal.LoadOpener(filepath.Join(dir, "mail.key"))
	w.must(err)
	w.nats = newNATS(t, filepath.Join(dir, "nats"))
	w.cfg.NATS = bus.Settings{URL: w.nats.url(), Seed: bus.SeedFile(w.nats.keys, bus.Authn)}
	w.risk = newRisk(w)
	w.cfg.Risk = w.risk.server.Addr().String()
	w.first, err = authn.Bootstrap(t.Context(), w.cfg, "notes")
	w.must(err)
	return w
}

// start runs authn until stop, or the test's end. It may be called again after stop.
func (w *world) start() {
	w.Helper()
	w.metrics = prometheus.NewRegistry()
	service, err := authn.Assemble(w.Context(), w.cfg, authn.Deps{Logger: w.logger, Registerer: w.metrics, Now: w.clock.now}, w.adapt)
	w.must(err)
	w.service = service
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- service.Run(ctx) }()
	w.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("authn ended with %v", err)
		}
	})
	w.Cleanup(w.stop)
}

func (w *world) must(err error) {
	w.Helper()
	if err != nil {
		w.Fatal(err)
	}
}

// eventually polls until the condition holds. The bound is for machines that are busy with other things.
func (w *world) eventually(what string, holds func() bool) {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), 30*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			w.Fatalf("it never came that %s", what)
		}
	}
}

// metric is the sum of a metric over its labels.
func (w *world) metric(name string) float64 {
	w.Helper()
	families, err := w.metrics.Gather()
	w.must(err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// clock is the real one, and can be put forward.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time          { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) forward(d time.Duration) { c.ahead.Add(int64(d)) }

// logBuffer keeps what is logged.
type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// risk is a real gRPC server whose judgement the test gives.
type risk struct {
	riskv1.UnimplementedRiskServiceServer
	riskv1.UnimplementedChallengeServiceServer
	server *rpc.Server
	stop   func()

	mu     sync.Mutex
	answer func(*riskv1.AssessRequest) *riskv1.AssessResponse
	issued []*riskv1.IssueChallengeRequest
	spent  []string

	left atomic.Int64 // how long the last call had, in nanoseconds
}

func newRisk(w *world) *risk {
	w.Helper()
	material, err := certs.Load(w.cfg.Certs, "risk", w.logger)
	w.must(err)
	r := &risk{}
	r.judge(riskv1.Gate_GATE_OPEN, riskv1.Verdict_VERDICT_ALLOW)
	authnOnly := access.Rule{Callers: access.Service, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Interactive}
	r.server, err = rpc.NewServer(w.Context(), rpc.ServerConfig{
		Name: "risk", Address: "127.0.0.1:0", TLS: certs.ServerTLS(material, certs.ServicesOnly),
		Table: access.Table{
			riskv1.RiskService_Assess_FullMethodName:              authnOnly,
			riskv1.ChallengeService_IssueChallenge_FullMethodName: authnOnly,
			riskv1.ChallengeService_RedeemSolution_FullMethodName: authnOnly,
		},
		Authenticate: rpc.MTLSOnly, Logger: w.logger, Registerer: prometheus.NewRegistry(), Now: time.Now,
	})
	w.must(err)
	riskv1.RegisterRiskServiceServer(r.server, r)
	riskv1.RegisterChallengeServiceServer(r.server, r)
	ctx, cancel := context.WithCancel(context.WithoutCancel(w.Context()))
	ended := make(chan error, 1)
	go func() { ended <- r.server.Run(ctx) }()
	r.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			w.Errorf("risk ended with %v", err)
		}
	})
	w.Cleanup(r.stop)
	return r
}

// judge gives the same judgement to everybody from now on.
func (r *risk) judge(gate riskv1.Gate, verdict riskv1.Verdict) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.answer = func(*riskv1.AssessRequest) *riskv1.AssessResponse {
		return &riskv1.AssessResponse{DecisionId: "dec_test", Gate: gate, Verdict: verdict}
	}
}

func (r *risk) Assess(ctx context.Context, req *riskv1.AssessRequest) (*riskv1.AssessResponse, error) {
	if deadline, ok := ctx.Deadline(); ok {
		r.left.Store(int64(time.Until(deadline)))
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.answer(req), nil
}

// unpaced lets calls come as fast as a test makes them, up to a thousand at once.
func (w *world) unpaced() {
	w.Helper()
	w.tune(func(p *authnv1.Policy) {
		p.RateIdentifierStarts, p.RateIdentifierAnswers, p.RateDeviceStarts, p.RateDeviceAnswers = 1000, 1000, 1000, 1000
		p.RateNetworkStarts, p.RateNetworkAnswers, p.CodesPerNetworkDay, p.CodesPerDeploymentHour = 1000, 1000, 1_000_000, 1_000_000
	})
}

// unchallenged asks nobody for a proof of work.
func (w *world) unchallenged() {
	w.Helper()
	w.tune(func(p *authnv1.Policy) {
		p.ChallengeSignUp, p.ChallengeAfterFailures, p.ChallengeUnderLoad = authnv1.SignUpChallenge_SIGN_UP_CHALLENGE_OFF, 0, false
	})
}

// tune changes the policy.
func (w *world) tune(change func(*authnv1.Policy)) {
	w.Helper()
	policies := authnv1.NewPolicyServiceClient(w.operator().conn)
	current, err := policies.GetPolicy(w.Context(), &authnv1.GetPolicyRequest{})
	w.must(err)
	p := current.GetPolicy()
	change(p)
	_, err = policies.UpdatePolicy(w.Context(), &authnv1.UpdatePolicyRequest{Policy: p, ExpectedVersion: current.GetVersion()})
	w.must(err)
}
