package rpc

import (
	"context"
	"log/slog"
	"net"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/access"
)

// bounds names what a connection was refused by, in metrics and logs.
const (
	boundServer  = "server"
	boundAddress = "address"
)

// doorway is a listener that bounds the connections which are open at once, over
// all and for each address (an IPv6 host has a /64 of them), handshakes included. What is beyond is closed at once:
// a client that is told so tries another replica, one that is left waiting doesn't.
type doorway struct {
	net.Listener
	max, maxPerAddress int
	refused            *prometheus.CounterVec
	logger             *slog.Logger
	lines              sparing

	mu        sync.Mutex
	open      int
	byNetwork map[string]int
}

var _ net.Listener = (*doorway)(nil)

func newDoorway(cfg ServerConfig, l net.Listener) *doorway {
	return &doorway{
		Listener:      l,
		max:           cfg.Limits.MaxConnections,
		maxPerAddress: max(1, cfg.Limits.MaxConnections/2),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name:        "doorward_rpc_connections_refused_total",
			Help:        "Connections closed because too many were open, by the bound: the server's or the address's.",
			ConstLabels: prometheus.Labels{"service": cfg.Name},
		}, []string{"bound"}),
		logger:    cfg.Logger,
		lines:     sparing{now: cfg.Now},
		byNetwork: make(map[string]int),
	}
}

// collectors are what is measured of it.
func (d *doorway) collectors(service prometheus.Labels) []prometheus.Collector {
	for _, bound := range []string{boundServer, boundAddress} {
		d.refused.WithLabelValues(bound) // shown from the start, as 0
	}
	return []prometheus.Collector{d.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "doorward_rpc_connections",
		Help:        "Connections that are open.",
		ConstLabels: service,
	}, func() float64 { return float64(d.count()) })}
}

// Accept waits for a connection that there is room for.
func (d *doorway) Accept() (net.Conn, error) {
	for {
		conn, err := d.Listener.Accept()
		if err != nil {
			return nil, err
		}
		network := access.Network(addrOf(conn.RemoteAddr()))
		bound, ok := d.enter(network)
		if ok {
			return &countedConn{Conn: conn, leave: sync.OnceFunc(func() { d.leave(network) })}, nil
		}
		_ = conn.Close() // it is refused either way
		d.tell(bound, network)
	}
}

// enter counts a connection in, or names the bound that it would break.
func (d *doorway) enter(network string) (bound string, ok bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.open >= d.max:
		return boundServer, false
	case d.byNetwork[network] >= d.maxPerAddress:
		return boundAddress, false
	}
	d.open++
	d.byNetwork[network]++
	return "", true
}

func (d *doorway) leave(network string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.open--
	if d.byNetwork[network]--; d.byNetwork[network] == 0 {
		delete(d.byNetwork, network)
	}
}

func (d *doorway) tell(bound, network string) {
	d.refused.WithLabelValues(bound).Inc()
	if times, tell := d.lines.happened(); tell {
		d.logger.LogAttrs(context.Background(), slog.LevelWarn, "too many connections are open: new ones are closed",
			slog.Int64("refused", times), slog.String("bound", bound), slog.String("network", network))
	}
}

// count is how many are open.
func (d *doorway) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.open
}

// countedConn gives its place back when it is closed.
type countedConn struct {
	net.Conn
	leave func()
}

var _ net.Conn = (*countedConn)(nil)

func (c *countedConn) Close() error {
	c.leave()
	return c.Conn.Close()
}
