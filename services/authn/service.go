package authn

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/deadletter"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/pace"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/authn/internal/api"
	"github.com/doorward/doorward/services/authn/internal/commands"
	"github.com/doorward/doorward/services/authn/internal/credential"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/riskclient"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Deps are what a process hands to its services. All but Tracing are needed.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Tracing    telemetry.Tracing
}

// Service is authn with its listener open. Run it, or Close it.
type Service struct {
	cfg  Config
	deps Deps

	store    *boltstore.Store
	policies *policy.Store[tuning.Policy]
	pool     *credential.Pool
	risk     *grpc.ClientConn
	keys     *flow.Keys
	sweeper  *flow.Sweeper
	lists    *flow.Lists
	refusals *flow.Refusals
	breaches *breaches
	server   *rpc.Server

	bus        *bus.Conn
	relay      *outbox.Relay
	commands   *commands.Handler
	deliveries *bus.Metrics
}

// New opens store, keys and listener and measures the hash. It waits neither for NATS nor for risk.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	return assemble(ctx, cfg, deps, func(d flow.Deps) flow.Deps { return d })
}

// assemble is New, for tests too, which give the flows other parts.
func assemble(ctx context.Context, cfg Config, deps Deps, adapt func(flow.Deps) flow.Deps) (_ *Service, err error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("authn: %w", faults)
	}
	if deps.Logger == nil || deps.Registerer == nil || deps.Now == nil {
		return nil, errors.New("authn: a logger, a metrics registerer and a clock are needed")
	}
	s := &Service{cfg: cfg, deps: deps}
	defer func() {
		if err != nil {
			err = fmt.Errorf("authn: %w", errors.Join(err, s.Close()))
		}
	}()
	material, err := certs.Load(cfg.Certs, "authn", deps.Logger)
	if err != nil {
		return nil, err
	}
	if err := material.Observe(s.labelled()); err != nil {
		return nil, err
	}
	if err := cfg.refuseDevelopment(material.RefuseDevelopment()); err != nil {
		return nil, err
	}
	flowDeps, err := s.open(ctx, material)
	if err != nil {
		return nil, err
	}
	flowDeps = adapt(flowDeps)
	if err := s.listen(ctx, material, flowDeps); err != nil {
		return nil, err
	}
	if err := s.connect(ctx, flowDeps); err != nil {
		return nil, err
	}
	return s, nil
}

// open gathers what the flows stand on: storage, keys, policy, the hash pool, risk, and the key that mails are sealed to.
func (s *Service) open(ctx context.Context, material *certs.Material) (d flow.Deps, err error) {
	s.store, err = boltstore.Open(s.cfg.storeFile(), boltstore.Options{
		Now: s.deps.Now, Logger: s.deps.Logger, Registerer: s.deps.Registerer,
	})
	if err != nil {
		return d, err
	}
	master, err := masterKey(ctx, s.cfg, s.store, s.cfg.Development)
	if err != nil {
		return d, err
	}
	if s.keys, err = flow.NewKeys(ctx, s.store, signingKeysUnder(master), s.cfg.Issuer, s.deps.Now); err != nil {
		return d, err
	}
	if s.policies, err = s.openPolicy(ctx); err != nil {
		return d, err
	}
	notify, err := seal.LoadRecipient(s.cfg.MailKey)
	if err != nil {
		return d, err
	}
	risk, err := s.dialRisk(material)
	if err != nil {
		return d, err
	}
	stored, err := flow.Specimens(ctx, s.store)
	if err != nil {
		return d, err
	}
	s.pool, err = credential.NewPool(credential.Config{
		Params: credential.DefaultParams(), Stored: stored, Workers: s.cfg.hashWorkers(), Metrics: s.deps.Registerer,
	})
	if err != nil {
		return d, err
	}
	paces, err := pace.New(pace.DefaultSlots, s.deps.Now)
	if err != nil {
		return d, err
	}
	if err := paces.Observe(s.labelled()); err != nil {
		return d, err
	}
	if s.breaches, err = openBreaches(s.cfg.Breach, s.deps); err != nil {
		return d, err
	}
	metrics, err := flow.NewMetrics(s.deps.Registerer)
	if err != nil {
		return d, err
	}
	s.sweeper = flow.NewSweeper(s.store, s.deps.Now)
	s.lists = flow.NewLists(s.store, s.deps.Logger, metrics)
	s.refusals = flow.NewRefusals(s.store, s.deps.Now, s.deps.Logger, metrics)
	return flow.Deps{
		Store:      s.store,
		Policy:     s.policies.Current,
		Pool:       s.pool,
		Pace:       paces,
		Assess:     risk.Assess,
		Challenges: risk,
		Breaches:   s.breaches.checker,
		Mails:      func(aad seal.AAD, plain []byte) (seal.Envelope, error) { return seal.Seal(notify, aad, plain) },
		Keyring:    s.keys.Keyring,
		Secrets:    flow.DeriveSecrets(master),
		Lists:      s.lists,
		Refusals:   s.refusals,
		Now:        s.deps.Now,
		Logger:     s.deps.Logger,
		Metrics:    metrics,
	}, nil
}

func (s *Service) openPolicy(ctx context.Context) (*policy.Store[tuning.Policy], error) {
	return policy.Open(ctx, policy.Config[tuning.Policy]{
		Defaults: tuning.Default(),
		Validate: tuning.Policy.Validate,
		Read: func(ctx context.Context, fn func(policy.Records) error) error {
			return s.store.View(ctx, func(tx store.Tx) error { return fn(tx.Policies) })
		},
		Now:        s.deps.Now,
		Logger:     s.deps.Logger,
		Registerer: s.labelled(),
	})
}

// dialRisk shows risk our certificate, and demands that it is risk who answers.
func (s *Service) dialRisk(material *certs.Material) (_ *riskclient.Client, err error) {
	s.risk, err = rpc.Dial(s.cfg.Risk, rpc.ClientConfig{TLS: certs.ClientTLS(material, "risk"), Tracing: s.deps.Tracing})
	if err != nil {
		return nil, err
	}
	return riskclient.New(riskclient.Config{
		Risk: riskv1.NewRiskServiceClient(s.risk), Challenges: riskv1.NewChallengeServiceClient(s.risk), Now: s.deps.Now, Registerer: s.deps.Registerer,
	})
}

// answerSlack is what an answer may take beside the hash before it counts as slow.
const answerSlack = 250 * time.Millisecond

// listen puts the contract over the flows and opens the listener. Applications come with an API key and no certificate.
func (s *Service) listen(ctx context.Context, material *certs.Material, d flow.Deps) (err error) {
	s.server, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Name:         "authn",
		Address:      s.cfg.Listen,
		TLS:          certs.ServerTLS(material, certs.Anyone),
		Table:        Table(),
		Authenticate: authenticator(flow.NewCallers(s.store, s.deps.Now).Identify),
		Logger:       s.deps.Logger,
		Registerer:   s.deps.Registerer,
		Now:          s.deps.Now,
		Tracing:      s.deps.Tracing,
		Limits:       s.cfg.Limits,
		Reflection:   s.cfg.Reflection,
		// A wrong password answers at D, however busy the machine was when it was measured. A line for each would be a guesser's to write.
		SlowByDesign: map[string]func() time.Duration{
			authnv1.AttemptService_Continue_FullMethodName: func() time.Duration { return s.pool.Deadline() + answerSlack },
		},
	})
	if err != nil {
		return err
	}
	api.Register(s.server, api.Flows{
		Attempts:     flow.NewAttempts(d),
		Sessions:     flow.NewSessions(d),
		Users:        flow.NewUsers(d),
		Imports:      flow.NewImports(d),
		Devices:      flow.NewDevices(s.store, s.deps.Now),
		Alerts:       flow.NewAlerts(d),
		Operators:    flow.NewOperators(s.store, s.deps.Now),
		Keys:         s.keys,
		Policies:     flow.NewPolicies(s.store, s.policies, s.lists, s.breaches.possible),
		Restrictions: flow.NewRestrictions(d),
		Invitations:  flow.NewInvitations(d),
		Policy:       s.policies.Current,
		Now:          s.deps.Now,
	})
	return s.serveBackups()
}

// connect joins the bus, and prepares what goes over it: the outbox's relay, the handler of commands, and the way back for those that it gave up. NATS may come up later: until then
// events wait.
func (s *Service) connect(ctx context.Context, d flow.Deps) (err error) {
	if s.bus, err = s.cfg.NATS.Connect(ctx, bus.Authn, s.deps.Logger); err != nil {
		return err
	}
	labelled := s.labelled()
	s.relay, err = outbox.NewRelay(outbox.Config{
		Queue:     s.store.Queue(),
		Publisher: bus.NewPublisher(s.bus),
		Streams:   bus.StreamsWrittenBy(bus.Authn),
		Heartbeat: heartbeat,
		Now:       s.deps.Now,
		Logger:    s.deps.Logger,
		Metrics:   labelled,
	})
	if err != nil {
		return err
	}
	s.commands, err = commands.New(commands.Config{
		Contain: flow.NewAlerts(d).Contain, Logger: s.deps.Logger, Registerer: s.deps.Registerer,
	})
	if err != nil {
		return err
	}
	if s.deliveries, err = bus.NewMetrics(labelled); err != nil {
		return err
	}
	if err := s.deliveries.Watch(s.bus); err != nil {
		return err
	}
	letters, err := deadletter.New(deadletter.Config{Conn: s.bus, Handle: s.commands.Handle, Record: s.record, Now: s.deps.Now})
	if err != nil {
		return err
	}
	operatorv1.RegisterDeadLetterServiceServer(s.server, letters)
	return nil
}

// record keeps an audit record that goes with no other change in the store.
func (s *Service) record(ctx context.Context, r audit.Record) error {
	return s.store.Update(ctx, func(tx store.Tx) error { return tx.Audit.Append(r) })
}

// labelled is for what other services of the process count under the same names.
func (s *Service) labelled() prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"service": "authn"}, s.deps.Registerer)
}

// Addr is where authn listens, with the port it got.
func (s *Service) Addr() net.Addr { return s.server.Addr() }

// Healthy is nil while authn can do its work, and otherwise says why not. NATS and risk don't count: sign-in goes on without them.
func (s *Service) Healthy(ctx context.Context) error { return s.store.Probe(ctx) }

// Close lets go of a service that isn't run after all. Run does it itself.
func (s *Service) Close() error {
	if s.server != nil {
		s.server.Close()
	}
	if s.pool != nil {
		s.pool.Close()
	}
	if s.bus != nil {
		s.bus.Close()
	}
	var errs []error
	if s.breaches != nil {
		errs = append(errs, s.breaches.Close())
	}
	if s.risk != nil {
		errs = append(errs, s.risk.Close())
	}
	if s.store != nil {
		errs = append(errs, s.store.Close())
	}
	return errors.Join(errs...)
}
