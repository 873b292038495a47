package risk

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/risk/internal/api"
	"github.com/doorward/doorward/services/risk/internal/challenge"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/geo"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

// name is the service's, in certificates, on the bus and in metrics.
const name = "risk"

// Deps are what a process hands to its services. All but Tracing are needed.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Tracing    telemetry.Tracing
}

// Service is risk with its listener open and its file locked. Run it, or Close it.
type Service struct {
	deps    Deps
	rebuild bool

	material *certs.Material
	store    *boltstore.Store
	conn     *bus.Conn
	metrics  *bus.Metrics
	flow     *flow.Flow
	server   *rpc.Server
	serving  serving
}

// New opens everything and runs nothing. It doesn't wait for NATS: until events have come the service answers UNAVAILABLE.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("risk: %w", faults)
	}
	if deps.Logger == nil || deps.Registerer == nil || deps.Now == nil {
		return nil, errors.New("risk: a logger, a metrics registerer and a clock are needed")
	}
	s := &Service{deps: deps, rebuild: cfg.RebuildOnGap}
	for _, open := range []func(context.Context, Config) error{s.openMaterial, s.openStore, s.openFlow, s.openBus, s.openServer} {
		if err := open(ctx, cfg); err != nil {
			return nil, errors.Join(fmt.Errorf("risk: %w", err), s.Close())
		}
	}
	s.serving.server, s.serving.store = s.server, s.store
	return s, nil
}

func (s *Service) openMaterial(_ context.Context, cfg Config) (err error) {
	if s.material, err = certs.Load(cfg.Certs, name, s.deps.Logger); err != nil {
		return err
	}
	if err := cfg.refuseDevelopment(s.material); err != nil {
		return err
	}
	return s.material.Observe(s.labelled())
}

func (s *Service) openStore(_ context.Context, cfg Config) (err error) {
	s.store, err = boltstore.Open(filepath.Join(cfg.DataDir, storeFile), boltstore.Options{
		Now: s.deps.Now, Logger: s.deps.Logger, Registerer: s.deps.Registerer,
	})
	return err
}

func (s *Service) openFlow(ctx context.Context, cfg Config) error {
	policies, err := openPolicies(ctx, s.store, Deps{Now: s.deps.Now, Logger: s.deps.Logger, Registerer: s.labelled()})
	if err != nil {
		return err
	}
	places, err := geo.Open()
	if err != nil {
		return err
	}
	counters, err := history.NewCounters(history.Config{Now: s.deps.Now})
	if err != nil {
		return err
	}
	challenges, err := s.newIssuer()
	if err != nil {
		return err
	}
	s.flow, err = flow.New(flow.Deps{
		Store:      s.store,
		Policy:     policies.Snapshot,
		Places:     places,
		Counters:   counters,
		Challenges: challenges,
		Ready:      s.serving.caughtUp.Load,
		KeepFor:    cfg.Decisions.KeepFor,
		KeepMost:   cfg.Decisions.KeepMost,
		Now:        s.deps.Now,
		Logger:     s.deps.Logger,
		Registerer: s.deps.Registerer,
	})
	return err
}

// Challenges are worked at for seconds. What was redeemed is remembered for two lives at most, at about 40 bytes each: 1,700 redemptions a second, for ever.
const (
	challengeLife = 5 * time.Minute
	mostRedeemed  = 1 << 20
)

// newIssuer draws a key that lives as long as the memory of what was redeemed under it: after a restart nothing is redeemed twice, because nothing of
// before it is redeemed at all.
func (s *Service) newIssuer() (*challenge.Issuer, error) {
	return challenge.New(challenge.Config{Key: secret.NewKey(), Lifetime: challengeLife, MaxSpent: mostRedeemed, Now: s.deps.Now})
}

func (s *Service) openBus(ctx context.Context, cfg Config) (err error) {
	if s.metrics, err = bus.NewMetrics(s.labelled()); err != nil {
		return err
	}
	if s.conn, err = cfg.NATS.Connect(ctx, bus.Risk, s.deps.Logger); err != nil {
		return err
	}
	return s.metrics.Watch(s.conn)
}

func (s *Service) openServer(ctx context.Context, cfg Config) (err error) {
	s.server, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Name:         name,
		Address:      cfg.Listen,
		TLS:          certs.ServerTLS(s.material, certs.ServicesOnly),
		Table:        accessTable(),
		Authenticate: rpc.MTLSOnly,
		Logger:       s.deps.Logger,
		Registerer:   s.deps.Registerer,
		Now:          s.deps.Now,
		Tracing:      s.deps.Tracing,
		Limits:       cfg.Limits,
		Reflection:   cfg.Reflection,
	})
	if err != nil {
		return err
	}
	riskv1.RegisterRiskServiceServer(s.server, api.NewRisk(s.flow.Assessments))
	riskv1.RegisterChallengeServiceServer(s.server, api.NewChallenges(s.flow.Challenges))
	riskv1.RegisterDecisionServiceServer(s.server, api.NewDecisions(s.flow.Decisions))
	return s.serveBackups()
}

// labelled is for what other services of the process count under the same names.
func (s *Service) labelled() prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, s.deps.Registerer)
}

// Addr is where the service listens, with the port it got.
func (s *Service) Addr() net.Addr { return s.server.Addr() }

// Run serves until ctx ends, then finishes what is in flight, writes the decisions that wait, and releases the file. It ends earlier only
// when something has failed for good.
func (s *Service) Run(ctx context.Context) error {
	return app.Run(ctx, s.deps.Logger,
		app.Task{Name: "risk store", Run: s.keepStore},
		app.Task{Name: "risk recorder", Run: s.flow.Recorder.Run},
		app.Task{Name: "risk sweeper", Run: s.sweep},
		app.Task{Name: "risk streams", Run: s.checkStreams},
		app.Task{Name: "risk feed", Run: s.follow},
		app.Task{Name: "risk health", Run: s.serving.watch},
		app.Task{Name: "risk server", Run: s.server.Run},
	)
}

// Close releases what New opened, of a service that isn't run after all.
func (s *Service) Close() error {
	if s.server != nil {
		s.server.Close()
	}
	return s.release()
}

// release ends what outlives the tasks.
func (s *Service) release() error {
	if s.conn != nil {
		s.conn.Close()
	}
	if s.store == nil {
		return nil
	}
	return s.store.Close()
}

func (s *Service) keepStore(ctx context.Context) error {
	<-ctx.Done()
	return s.release()
}
