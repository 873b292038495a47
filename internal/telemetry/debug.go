package telemetry

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/pprof"
	"net/netip"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/doorward/doorward/internal/app"
)

// ErrNotLoopback refuses a debug address that others could reach.
var ErrNotLoopback = errors.New("the debug listener shows memory and profiles: give it a loopback address, such as 127.0.0.1:0")

// The bounds of the debug server. A profile takes 30 s by default, a trace what the caller asks for.
const (
	debugHeaderTimeout = 5 * time.Second
	debugWriteTimeout  = 2 * time.Minute
	debugStopGrace     = 2 * time.Second
	healthTimeout      = 2 * time.Second
)

// DebugConfig is what the debug listener shows.
type DebugConfig struct {
	// Address is loopback, host and port: "127.0.0.1:7490", or port 0.
	Address  string
	Gatherer prometheus.Gatherer
	// Healthy returns nil while the process serves. Its error goes to the log.
	Healthy func(context.Context) error
	Logger  *slog.Logger
}

// Debug serves /metrics, /healthz and /debug/pprof/ on loopback, without TLS and
// without credentials: who has a shell on the machine may look.
type Debug struct {
	listener net.Listener
	server   *http.Server
	logger   *slog.Logger
}

// NewDebug opens the listener; Run serves it.
func NewDebug(ctx context.Context, cfg DebugConfig) (*Debug, error) {
	if cfg.Gatherer == nil || cfg.Healthy == nil || cfg.Logger == nil {
		return nil, errors.New("telemetry: the debug listener needs a gatherer, a health check and a logger")
	}
	if !loopback(cfg.Address) {
		return nil, fmt.Errorf("debug address %q: %w", cfg.Address, ErrNotLoopback)
	}
	l, err := app.Listen(ctx, cfg.Address)
	if err != nil {
		return nil, err
	}
	return &Debug{
		listener: l,
		logger:   cfg.Logger,
		server: &http.Server{
			Handler:           localOnly(debugMux(cfg)),
			ReadHeaderTimeout: debugHeaderTimeout,
			ReadTimeout:       debugHeaderTimeout,
			WriteTimeout:      debugWriteTimeout,
			MaxHeaderBytes:    16 << 10,
			ErrorLog:          slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelDebug),
		},
	}, nil
}

// Addr is where the listener is, with the port it got.
func (d *Debug) Addr() net.Addr { return d.listener.Addr() }

// Run serves until ctx ends, then gives open requests a moment. It owns the one goroutine it starts.
func (d *Debug) Run(ctx context.Context) error {
	served := make(chan error, 1)
	go func() { served <- d.server.Serve(d.listener) }()
	select {
	case err := <-served:
		return fmt.Errorf("debug listener: %w", err)
	case <-ctx.Done():
	}
	stopCtx, cancel := context.WithTimeout(context.WithoutCancel(ctx), debugStopGrace)
	defer cancel()
	if err := d.server.Shutdown(stopCtx); err != nil {
		d.logger.LogAttrs(ctx, slog.LevelDebug, "debug requests were cut off")
		_ = d.server.Close() // whatever it says, the process is going
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("debug listener: %w", err)
	}
	return nil
}

func debugMux(cfg DebugConfig) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(cfg.Gatherer, promhttp.HandlerOpts{
		ErrorLog: slog.NewLogLogger(cfg.Logger.Handler(), slog.LevelWarn),
	}))
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		if err := cfg.Healthy(ctx); err != nil {
			cfg.Logger.LogAttrs(ctx, slog.LevelWarn, "not healthy", slog.Any("error", err))
			http.Error(w, "not serving", http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, "ok\n") // a client that went away needs no answer
	})
	// Importing pprof also fills http.DefaultServeMux, which nothing here serves.
	mux.HandleFunc("GET /debug/pprof/", pprof.Index)
	mux.HandleFunc("GET /debug/pprof/cmdline", pprof.Cmdline)
	mux.HandleFunc("GET /debug/pprof/profile", pprof.Profile)
	mux.HandleFunc("GET /debug/pprof/symbol", pprof.Symbol)
	mux.HandleFunc("GET /debug/pprof/trace", pprof.Trace)
	return mux
}

// localOnly refuses requests whose Host isn't loopback: a page on the internet can
// point a name of its own at 127.0.0.1 and have a developer's browser read from here.
func localOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !loopback(r.Host) {
			http.Error(w, "loopback only", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// loopback reports whether host:port names this machine alone. Names other than
// localhost are refused without being resolved.
func loopback(hostport string) bool {
	host, _, err := net.SplitHostPort(hostport)
	if err != nil {
		return false
	}
	if host == "localhost" {
		return true
	}
	addr, err := netip.ParseAddr(host)
	return err == nil && addr.Unmap().IsLoopback()
}
