package rpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"time"

	"buf.build/go/protovalidate"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/reflection"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/doorway"
	"github.com/doorward/doorward/internal/telemetry"
)

// ServerConfig is what a server needs. Zero values of the bounds mean the defaults
// named beside them; everything else must be given.
type ServerConfig struct {
	// Name is the service's, for metrics: "authn".
	Name string
	// Address is host and port to listen on; port 0 takes a free one.
	Address string
	// TLS is certs.ServerTLS, or as strict.
	TLS *tls.Config
	// Table has a row for each method of the service. Rows for health and
	// reflection are added unless it has its own.
	Table        access.Table
	Authenticate Authenticate
	Logger       *slog.Logger
	Registerer   prometheus.Registerer
	Now          func() time.Time
	// Tracing begins a span for each call; the zero value begins none.
	Tracing telemetry.Tracing

	// Limits bound what the server takes on; see docs/limits.md.
	Limits Limits
	// CallTimeout is the deadline of unary calls that come without one: 10 s.
	CallTimeout time.Duration
	// ArrivalTimeout is how long a request may take to come whole: 5 s.
	ArrivalTimeout time.Duration
	// SlowCall is from when on a unary call is logged: 250 ms.
	SlowCall time.Duration
	// SlowByDesign are the methods, by full name, that may take longer than SlowCall, and from when on they are logged.
	SlowByDesign map[string]func() time.Duration
	// StopGrace is how long calls in flight may take once the server stops: 10 s.
	StopGrace time.Duration
	// Reflection lets anybody list the API. Leave it off in production.
	Reflection bool
}

// Server is a gRPC server with its listener open. Register services on it, then Run it.
type Server struct {
	grpc      *grpc.Server
	listener  net.Listener
	health    *health.Server
	table     access.Table
	guard     *access.Guard
	load      *load
	arrivals  *arrivals
	validator protovalidate.Validator
	metrics   *metrics
	log       *callLog
	logger    *slog.Logger
	stopGrace time.Duration

	// streaming are the full names of the methods that are streams.
	streaming map[string]bool

	// stopping ends when the server begins to stop, and long-lived streams with it.
	stopping  context.Context
	beginStop context.CancelFunc
}

var _ grpc.ServiceRegistrar = (*Server)(nil)

// NewServer opens the listener, so that a taken port is known before anything
// runs. A server that is never run must be closed.
func NewServer(ctx context.Context, cfg ServerConfig) (*Server, error) {
	if err := cfg.check(); err != nil {
		return nil, err
	}
	cfg = cfg.withDefaults()
	listener, err := app.Listen(ctx, cfg.Address)
	if err != nil {
		return nil, err
	}
	s, err := assemble(cfg, listener)
	if err != nil {
		return nil, errors.Join(err, listener.Close())
	}
	return s, nil
}

func assemble(cfg ServerConfig, listener net.Listener) (*Server, error) {
	table := withOwnRows(cfg.Table, cfg.Reflection)
	guard, err := access.NewGuard(access.GuardConfig{Table: table, Logger: cfg.Logger, Now: cfg.Now})
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", cfg.Name, err)
	}
	validator, err := protovalidate.New()
	if err != nil {
		return nil, fmt.Errorf("server %s: %w", cfg.Name, err)
	}
	calls, arrivals, door := newLoad(cfg), newArrivals(cfg), newDoorway(cfg, listener)
	m, err := newMetrics(cfg, door.Collectors(), calls, arrivals)
	if err != nil {
		return nil, err
	}
	stopping, beginStop := context.WithCancel(context.Background())
	s := &Server{
		listener:  door,
		health:    health.NewServer(),
		table:     table,
		guard:     guard,
		load:      calls,
		arrivals:  arrivals,
		validator: validator,
		metrics:   m,
		log:       newCallLog(cfg),
		logger:    cfg.Logger,
		stopGrace: cfg.StopGrace,
		streaming: make(map[string]bool),
		stopping:  stopping,
		beginStop: beginStop,
	}
	options := s.options(cfg)
	if cfg.Tracing.Enabled() {
		options = append(options, grpc.StatsHandler(traceServed(cfg.Tracing, table)))
	}
	s.grpc = grpc.NewServer(options...)
	s.SetServing(false)
	healthpb.RegisterHealthServer(s, s.health)
	if cfg.Reflection {
		reflection.Register(s)
	}
	return s, nil
}

// newDoorway leaves one address half of the connections: a proxy may well be all clients,
// but whoever opens without end keeps nobody else out.
func newDoorway(cfg ServerConfig, l net.Listener) *doorway.Doorway {
	return doorway.New(doorway.Config{
		Name:          "doorward_rpc",
		Labels:        prometheus.Labels{"service": cfg.Name},
		Max:           cfg.Limits.MaxConnections,
		MaxPerNetwork: cfg.Limits.MaxConnections / 2,
		WriteTimeout:  serverWriteTimeout,
		Logger:        cfg.Logger,
		Now:           cfg.Now,
	}, l)
}

// RegisterService adds an API; call it before Run.
func (s *Server) RegisterService(desc *grpc.ServiceDesc, impl any) {
	s.grpc.RegisterService(desc, impl)
	for _, method := range desc.Methods {
		s.metrics.add("/" + desc.ServiceName + "/" + method.MethodName)
	}
	for _, stream := range desc.Streams {
		method := "/" + desc.ServiceName + "/" + stream.StreamName
		s.metrics.add(method)
		s.streaming[method] = true
	}
}

func (s *Server) isStreaming(method string) bool { return s.streaming[method] }

// GetServiceInfo lists what is registered.
func (s *Server) GetServiceInfo() map[string]grpc.ServiceInfo { return s.grpc.GetServiceInfo() }

// Table is the access table in force, rows for health and reflection included.
func (s *Server) Table() access.Table { return s.table }

// Addr is where the server listens, with the port it got.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// SetServing tells health checks whether the service can work. It starts as false;
// the service says true once it is ready, and may take it back.
func (s *Server) SetServing(serving bool) {
	status, value := healthpb.HealthCheckResponse_NOT_SERVING, 0.0
	if serving {
		status, value = healthpb.HealthCheckResponse_SERVING, 1
	}
	s.metrics.serving.Set(value)
	s.health.SetServingStatus("", status)
}

// Run serves until ctx ends, then stops: no new calls, streams end, unary calls
// have StopGrace to finish. Afterwards no handler runs. It owns grpc's goroutines.
func (s *Server) Run(ctx context.Context) error {
	for _, method := range access.Missing(s.table, s.GetServiceInfo()) {
		s.logger.LogAttrs(ctx, slog.LevelError, "method has no access row and will be refused",
			slog.String("method", method))
	}
	served := make(chan error, 1)
	go func() { served <- s.grpc.Serve(s.listener) }()
	select {
	case err := <-served:
		s.Close()
		return fmt.Errorf("serve on %s: %w", s.listener.Addr(), err)
	case <-ctx.Done():
		s.stop(ctx)
		err := <-served
		if errors.Is(err, grpc.ErrServerStopped) {
			return nil // ctx ended before the first call was waited for
		}
		return err
	}
}

func (s *Server) stop(ctx context.Context) {
	s.health.Shutdown()
	s.beginStop()
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.grpc.GracefulStop()
	}()
	grace := time.NewTimer(s.stopGrace)
	defer grace.Stop()
	select {
	case <-done:
	case <-grace.C:
		s.logger.LogAttrs(ctx, slog.LevelWarn, "calls in flight were cut off", slog.Duration("after", s.stopGrace))
		s.grpc.Stop()
		<-done
	}
}

// Close releases the listener of a server that isn't run after all.
func (s *Server) Close() {
	s.beginStop()
	s.grpc.Stop()
	// Serve may have closed it already, and there is nothing to do about a failure.
	_ = s.listener.Close()
}

func (cfg ServerConfig) check() error {
	var faults []error
	missing := func(absent bool, what string) {
		if absent {
			faults = append(faults, fmt.Errorf("rpc: server config lacks %s", what))
		}
	}
	missing(cfg.Name == "", "a name")
	missing(cfg.Address == "", "an address")
	missing(cfg.Table == nil, "an access table")
	missing(cfg.Authenticate == nil, "an authenticator")
	missing(cfg.Logger == nil, "a logger")
	missing(cfg.Registerer == nil, "a metrics registerer")
	missing(cfg.Now == nil, "a clock")
	if err := checkServerTLS(cfg.TLS); err != nil {
		faults = append(faults, err)
	}
	return errors.Join(faults...)
}
