package doorway

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/telemetry"
)

// bounds names what a connection was refused by, in metrics and logs.
const (
	boundServer  = "server"
	boundAddress = "address"
)

// Config is what a doorway needs. All but Exempt and WriteTimeout must be given.
type Config struct {
	// Name begins the names of its metrics: "doorward_rpc".
	Name string
	// Labels are those of its metrics, whose values never change.
	Labels prometheus.Labels
	// Max is how many connections may be open, MaxPerNetwork how many of them from
	// one IPv4 address or one /64 of IPv6, which a single host has.
	Max, MaxPerNetwork int
	// Exempt are the networks of proxies: all clients come from there, so they are
	// bound by Max alone.
	Exempt []netip.Prefix
	// WriteTimeout is how long a client may leave no room for what is written to it; zero
	// leaves that to who serves it. gRPC-Go would see to it by itself (TCP_USER_TIMEOUT), if
	// our connections weren't more than TCP ones.
	WriteTimeout time.Duration
	Logger       *slog.Logger
	Now          func() time.Time
}

// Doorway is a listener that lets in what there is room for.
type Doorway struct {
	net.Listener
	max, maxPerNetwork int
	exempt             []netip.Prefix
	writeTimeout       time.Duration
	measured           []prometheus.Collector
	refused            *prometheus.CounterVec
	logger             *slog.Logger
	lines              *telemetry.Sparing

	mu        sync.Mutex
	open      int
	byNetwork map[string]int
}

var _ net.Listener = (*Doorway)(nil)

// New puts a doorway before a listener, which is closed with it.
func New(cfg Config, l net.Listener) *Doorway {
	d := &Doorway{
		Listener:      l,
		max:           cfg.Max,
		maxPerNetwork: max(1, cfg.MaxPerNetwork),
		exempt:        cfg.Exempt,
		writeTimeout:  cfg.WriteTimeout,
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name:        cfg.Name + "_connections_refused_total",
			Help:        "Connections closed because too many were open, by the bound: the server's or the address's.",
			ConstLabels: cfg.Labels,
		}, []string{"bound"}),
		logger:    cfg.Logger,
		lines:     telemetry.NewSparing(cfg.Now),
		byNetwork: make(map[string]int),
	}
	for _, bound := range []string{boundServer, boundAddress} {
		d.refused.WithLabelValues(bound) // shown from the start, as 0
	}
	d.measured = []prometheus.Collector{d.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        cfg.Name + "_connections",
		Help:        "Connections that are open.",
		ConstLabels: cfg.Labels,
	}, func() float64 { return float64(d.count()) })}
	return d
}

// Collectors are what is measured of it.
func (d *Doorway) Collectors() []prometheus.Collector { return d.measured }

// Accept waits for a connection that there is room for.
func (d *Doorway) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		from := addressOf(conn)
		bound, ok := d.enter(from)
		if ok {
			return &countedConn{Conn: conn, writeTimeout: d.writeTimeout, leave: sync.OnceFunc(func() { d.leave(from) })}, nil
		}
		_ = conn.Close() // it is refused either way
		d.tell(bound, access.Network(from))
	}
}

// addressOf is where a connection comes from; what isn't TCP has one address together.
func addressOf(conn net.Conn) netip.Addr {
	tcp, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return tcp.AddrPort().Addr().Unmap().WithZone("")
}

// enter counts a connection in, or names the bound that it would break.
func (d *Doorway) enter(from netip.Addr) (bound string, ok bool) {
	network := access.Network(from)
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.open >= d.max:
		return boundServer, false
	case d.byNetwork[network] >= d.maxPerNetwork && !d.isExempt(from):
		return boundAddress, false
	}
	d.open++
	d.byNetwork[network]++
	return "", true
}

func (d *Doorway) isExempt(from netip.Addr) bool {
	return slices.ContainsFunc(d.exempt, func(proxies netip.Prefix) bool { return proxies.Contains(from) })
}

func (d *Doorway) leave(from netip.Addr) {
	network := access.Network(from)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.byNetwork[network]--; d.byNetwork[network] == 0 {
		delete(d.byNetwork, network)
	}
}

func (d *Doorway) tell(bound, network string) {
	d.refused.WithLabelValues(bound).Inc()
	if times, tell := d.lines.Happened(); tell {
		d.logger.LogAttrs(context.Background(), slog.LevelWarn, "too many connections are open: new ones are closed",
			slog.Int64("refused", times), slog.String("bound", bound), slog.String("network", network))
	}
}

// count is how many are open.
func (d *Doorway) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// countedConn gives its place back when it is closed. A client that doesn't read what it
// asked for is given up: what is written to it waits in our memory.
type countedConn struct {
	net.Conn

	writeTimeout time.Duration
	deadline     atomic.Bool // whoever serves it has set one, as TLS does to say goodbye
	leave        func()
}

var _ net.Conn = (*countedConn)(nil)

func (c *countedConn) Write(p []byte) (int, error) {
	if c.writeTimeout <= 0 || c.deadline.Load() {
		return c.Conn.Write(p)
	}
	if err := c.Conn.SetWriteDeadline(time.Now().Add(c.writeTimeout)); err != nil {
		return 0, err
	}
	n, err := c.Conn.Write(p)
	if errors.Is(err, os.ErrDeadlineExceeded) {
		_ = c.Close() // for gRPC-Go waits until reading fails too
	}
	return n, err
}

func (c *countedConn) SetWriteDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetWriteDeadline(t)
}

func (c *countedConn) SetDeadline(t time.Time) error {
	c.deadline.Store(!t.IsZero())
	return c.Conn.SetDeadline(t)
}

func (c *countedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
