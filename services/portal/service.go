package portal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/doorway"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
)

// What a browser may take of the portal before it is let go.
const (
	// maxConnections bounds those of all browsers. One network gets an eighth: a browser has a
	// few, so an office behind one address is served, and whoever keeps as many open as they
	// are given doesn't keep an owner from saying "this wasn't me".
	maxConnections = 1024
	maxPerNetwork  = maxConnections / 8

	maxHeaderBytes = 16 << 10
	headerTimeout  = 5 * time.Second
	readTimeout    = 10 * time.Second
	notifyTimeout  = 4 * time.Second // of a call
	writeTimeout   = 15 * time.Second
	idleTimeout    = time.Minute
	stopGrace      = 10 * time.Second // for requests in flight
)

// Deps are what a process hands to its services. All but Tracing are needed.
type Deps struct {
	Logger     *slog.Logger
	Registerer prometheus.Registerer
	Now        func() time.Time
	Tracing    telemetry.Tracing
}

// labelled is for what other services of the process count under the same names.
func (d Deps) labelled() prometheus.Registerer {
	return prometheus.WrapRegistererWith(prometheus.Labels{"service": "portal"}, d.Registerer)
}

// Service is the portal with its listener open. Run it, or Close it.
type Service struct {
	listener net.Listener
	server   *http.Server
	notify   *grpc.ClientConn
	logger   *slog.Logger
}

// New reads the certificates and opens the listener. It doesn't wait for notify:
// pages say so when it isn't there.
func New(ctx context.Context, cfg Config, deps Deps) (*Service, error) {
	if faults := cfg.Validate(); len(faults) > 0 {
		return nil, fmt.Errorf("portal: %w", faults)
	}
	if deps.Logger == nil || deps.Registerer == nil || deps.Now == nil {
		return nil, errors.New("portal: a logger, a metrics registerer and a clock are needed")
	}
	site, err := newSite(cfg, deps)
	if err != nil {
		return nil, err
	}
	browserTLS, err := cfg.browserTLS(deps)
	if err != nil {
		return nil, err
	}
	notify, err := dialNotify(cfg, deps)
	if err != nil {
		return nil, err
	}
	site.containment = notifyv1.NewContainmentServiceClient(notify)
	listener, err := listen(ctx, cfg, deps)
	if err != nil {
		return nil, errors.Join(err, notify.Close())
	}
	return &Service{
		listener: listener,
		server:   newServer(site.handler(), browserTLS, deps.Logger),
		notify:   notify,
		logger:   deps.Logger,
	}, nil
}

func listen(ctx context.Context, cfg Config, deps Deps) (net.Listener, error) {
	listener, err := app.Listen(ctx, cfg.Listen)
	if err != nil {
		return nil, err
	}
	door := doorway.New(doorway.Config{
		Name: "doorward_portal", Max: maxConnections, MaxPerNetwork: maxPerNetwork, Exempt: cfg.proxies(),
		Logger: deps.Logger, Now: deps.Now,
	}, listener)
	for _, c := range door.Collectors() {
		if err := deps.Registerer.Register(c); err != nil {
			return nil, errors.Join(fmt.Errorf("portal: metrics: %w", err), listener.Close())
		}
	}
	return door, nil
}

// proxies are the networks from which all browsers may come: the proxies that are trusted,
// and this machine when we speak plain text, for then a proxy on it ends TLS.
func (c Config) proxies() []netip.Prefix {
	if c.TLSCert != "" {
		return c.TrustedProxies
	}
	return append(slices.Clone(c.TrustedProxies), netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128"))
}

// dialNotify shows notify the portal's certificate, and demands that it is notify who answers.
func dialNotify(cfg Config, deps Deps) (*grpc.ClientConn, error) {
	material, err := certs.Load(cfg.Certs, "portal", deps.Logger)
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if err := material.RefuseDevelopment(); err != nil && !cfg.Development {
		return nil, fmt.Errorf("portal: %w", err)
	}
	if err := material.Observe(deps.labelled()); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	conn, err := rpc.Dial(cfg.Notify, rpc.ClientConfig{
		TLS: certs.ClientTLS(material, "notify"), Timeout: notifyTimeout, Tracing: deps.Tracing,
	})
	if err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return conn, nil
}

// browserTLS is nil when pages are served in plain text, to this machine or to a
// proxy that ends TLS. The files are read once: renew them with a restart.
func (c Config) browserTLS(deps Deps) (*tls.Config, error) {
	if c.TLSCert == "" {
		return nil, nil //nolint:nilnil // no TLS of our own is one of the two answers
	}
	pair, err := tls.LoadX509KeyPair(c.TLSCert, c.TLSKey)
	if err != nil {
		return nil, fmt.Errorf("portal: tls_cert and tls_key: %w", err)
	}
	if err := certs.ObserveExpiry(deps.labelled(), "browser", func() *x509.Certificate { return pair.Leaf }); err != nil {
		return nil, fmt.Errorf("portal: %w", err)
	}
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{pair}}, nil
}

func newServer(handler http.Handler, browserTLS *tls.Config, logger *slog.Logger) *http.Server {
	return &http.Server{
		Handler:           handler,
		TLSConfig:         browserTLS,
		ReadHeaderTimeout: headerTimeout,
		ReadTimeout:       readTimeout,
		WriteTimeout:      writeTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    maxHeaderBytes,
		// What it says of broken handshakes is the internet's noise, and it names no path.
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelDebug),
	}
}

// Addr is where the portal listens, with the port it got.
func (s *Service) Addr() net.Addr { return s.listener.Addr() }

// Run serves until ctx ends, then gives requests in flight a moment and closes
// the connection to notify. It owns the goroutine that serves.
func (s *Service) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- s.serve() }()
	select {
	case err := <-served:
		return errors.Join(fmt.Errorf("portal: serve on %s: %w", s.Addr(), err), s.notify.Close())
	case <-ctx.Done():
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopGrace)
	defer cancel()
	if err := s.server.Shutdown(stopping); err != nil {
		s.logger.LogAttrs(ctx, slog.LevelWarn, "requests in flight were cut off", slog.Duration("after", stopGrace))
		_ = s.server.Close() // whatever it says, they are cut off
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return errors.Join(fmt.Errorf("portal: serve on %s: %w", s.Addr(), err), s.notify.Close())
	}
	return s.notify.Close()
}

func (s *Service) serve() error {
	if s.server.TLSConfig != nil {
		return s.server.ServeTLS(s.listener, "", "")
	}
	return s.server.Serve(s.listener)
}

// Close lets go of a portal that isn't run after all.
func (s *Service) Close() error {
	return errors.Join(s.listener.Close(), s.notify.Close())
}
