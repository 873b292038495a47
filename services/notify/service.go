package notify

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/deadletter"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/notify/internal/api"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/intake"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/store/boltstore"
	"github.com/doorward/doorward/services/notify/internal/template"
	"github.com/doorward/doorward/services/notify/internal/tuning"
)

const (
	// name is the service's in certificates, on the bus and in metrics.
	name = "notify"
	// storeFile is the store in the data directory.
	storeFile = "notify.db"
	// askTimeout bounds a question to authn.
	askTimeout = 4 * time.Second
	// stopGrace is what calls in flight have when the service stops; they take milliseconds.
	stopGrace = 2 * time.Second
)

// Deps are what a process hands to its services. All but Tracing are needed.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Tracing    telemetry.Tracing
}

func (d Deps) check() error {
	if d.Logger == nil || d.Registerer == nil || d.Now == nil {
		return errors.New("a logger, a metrics registerer and a clock are needed")
	}
	return nil
}

// Service is a notify service with its listener and its store open. Run it, or Close it.
type Service struct {
	cfg      Config
	deps     Deps
	store    *boltstore.Store
	bus      *bus.Conn
	metrics  *bus.Metrics
	authn    *grpc.ClientConn
	relay    *outbox.Relay
	intake   *intake.Intake
	outgoing *flow.Outgoing
	sweeper  *flow.Sweeper
	server   *rpc.Server
	closed   sync.Once
}

// New opens the store and the listener. It waits neither for authn nor for the mail server: deliveries wait for them. NATS is tried once, and
// then again while the service runs; an identity that NATS refuses is an error.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("notify: %w", faults)
	}
	if err := deps.check(); err != nil {
		return nil, fmt.Errorf("notify: %w", err)
	}
	s := &Service{cfg: cfg, deps: deps}
	if err := s.open(ctx); err != nil {
		return nil, errors.Join(fmt.Errorf("notify: %w", err), s.Close())
	}
	return s, nil
}

// open builds the parts in the order in which they need each other.
func (s *Service) open(ctx context.Context) error {
	material, err := certs.Load(s.cfg.Certs, name, s.deps.Logger)
	if err != nil {
		return err
	}
	if err := s.cfg.refuseDevelopment(material); err != nil {
		return err
	}
	if err := material.Observe(s.labelled()); err != nil {
		return err
	}
	if s.store, err = boltstore.Open(filepath.Join(s.cfg.DataDir, storeFile), boltstore.Options{
		Now: s.deps.Now, Logger: s.deps.Logger, Registerer: s.deps.Registerer,
	}); err != nil {
		return err
	}
	if err := s.connect(ctx); err != nil {
		return err
	}
	if s.authn, err = rpc.Dial(s.cfg.Authn, rpc.ClientConfig{
		TLS: certs.ClientTLS(material, "authn"), Timeout: askTimeout, Tracing: s.deps.Tracing,
	}); err != nil {
		return err
	}
	flows, err := s.flowDeps(ctx)
	if err != nil {
		return err
	}
	if err := s.assemble(flows); err != nil {
		return err
	}
	return s.listen(ctx, flows, material)
}

// connect joins the bus and makes what publishes on it.
func (s *Service) connect(ctx context.Context) (err error) {
	if s.bus, err = s.cfg.NATS.Connect(ctx, bus.Notify, s.deps.Logger); err != nil {
		return err
	}
	labelled := s.labelled()
	if s.metrics, err = bus.NewMetrics(labelled); err != nil {
		return err
	}
	if err := s.metrics.Watch(s.bus); err != nil {
		return err
	}
	s.relay, err = outbox.NewRelay(outbox.Config{
		Queue: s.store.Queue(), Publisher: bus.NewPublisher(s.bus), Streams: bus.StreamsWrittenBy(bus.Notify),
		Now: s.deps.Now, Logger: s.deps.Logger, Metrics: labelled,
	})
	return err
}

// labelled tells this service's bus metrics from those of others in the process.
func (s *Service) labelled() prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"service": name}, s.deps.Registerer)
}

// flowDeps is what the use cases need from outside.
func (s *Service) flowDeps(ctx context.Context) (flow.Deps, error) {
	policies, err := policy.Open(ctx, policy.Config[tuning.Policy]{
		Defaults: tuning.Default(), Validate: tuning.Policy.Validate, Read: s.readPolicies, Now: s.deps.Now, Logger: s.deps.Logger,
		Registerer: s.labelled(),
	})
	if err != nil {
		return flow.Deps{}, err
	}
	sender, err := s.cfg.SMTP.sender(s.deps.Now)
	if err != nil {
		return flow.Deps{}, err
	}
	templates, err := template.New()
	if err != nil {
		return flow.Deps{}, err
	}
	metrics, err := flow.NewMetrics(s.deps.Registerer)
	if err != nil {
		return flow.Deps{}, err
	}
	return flow.Deps{
		Store: s.store, Policy: policies.Current, Prepare: askAuthn(authnv1.NewAlertServiceClient(s.authn)), Post: sender.Send,
		Templates: templates, PortalURL: s.cfg.portal(), Product: s.cfg.Product, Now: s.deps.Now, Logger: s.deps.Logger, Metrics: metrics,
	}, nil
}

var _ flow.Poster = (*mail.Sender)(nil).Send

func (s *Service) readPolicies(ctx context.Context, fn func(policy.Records) error) error {
	return s.store.View(ctx, func(tx store.Tx) error { return fn(tx.Policies) })
}

// assemble puts together what works in the background.
func (s *Service) assemble(flows flow.Deps) error {
	opener, err := s.cfg.opener()
	if err != nil {
		return err
	}
	s.outgoing, s.sweeper = flow.NewOutgoing(flows), flow.NewSweeper(flows)
	s.intake = intake.New(intake.Config{
		Alerts: flow.NewAlerts(flows, s.outgoing.Wake), Mails: flow.NewMails(flows), Opener: opener, Now: s.deps.Now,
	})
	return nil
}

// listen opens the server with its APIs on it.
func (s *Service) listen(ctx context.Context, flows flow.Deps, material *certs.Material) (err error) {
	s.server, err = rpc.NewServer(ctx, rpc.ServerConfig{
		Name: name, Address: s.cfg.Listen, TLS: certs.ServerTLS(material, certs.ServicesOnly), Table: table(), Authenticate: rpc.MTLSOnly,
		Logger: s.deps.Logger, Registerer: s.deps.Registerer, Now: s.deps.Now, Reflection: s.cfg.Reflection, StopGrace: stopGrace,
		Tracing: s.deps.Tracing, Limits: s.cfg.Limits,
	})
	if err != nil {
		return err
	}
	letters, err := deadletter.New(deadletter.Config{Conn: s.bus, Handle: s.intake.Handle, Record: s.record, Now: s.deps.Now})
	if err != nil {
		return err
	}
	notifyv1.RegisterContainmentServiceServer(s.server, api.NewContainment(flow.NewContainments(flows)))
	notifyv1.RegisterDeliveryServiceServer(s.server, api.NewDeliveries(flow.NewOperators(flows)))
	operatorv1.RegisterDeadLetterServiceServer(s.server, letters)
	return s.serveBackups()
}

// record keeps an audit record that goes with no other change in the store.
func (s *Service) record(ctx context.Context, r audit.Record) error {
	return s.store.Update(ctx, func(tx store.Tx) error { return tx.Audit.Append(r) })
}

// Addr is where the server listens, with the port it got.
func (s *Service) Addr() net.Addr { return s.server.Addr() }

// Close frees what New opened. Run does it at its end; a second call does nothing.
func (s *Service) Close() (err error) {
	s.closed.Do(func() { err = s.close() })
	return err
}

func (s *Service) close() error {
	var faults []error
	if s.server != nil {
		s.server.Close()
	}
	if s.authn != nil {
		faults = append(faults, s.authn.Close())
	}
	if s.bus != nil {
		s.bus.Close()
	}
	if s.store != nil {
		faults = append(faults, s.store.Close())
	}
	return errors.Join(faults...)
}
