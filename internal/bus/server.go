package bus

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"sync"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/config"
)

// Limits of every server we configure, embedded or by deploy/nats.conf.
const (
	maxPayload = 1 << 20 // bytes; an outbox row has at most a quarter of it
	// maxConnections is more than services, SDKs and subscribers have together, and what strangers may cost before they are refused.
	maxConnections = 2048
	maxFileStore   = 32 * gib // above the sum of the streams' sizes
	maxMemStore    = 64 * mib // no stream of ours lives in memory
	// DefaultSync is how often the embedded server syncs its files. What is younger can be lost in a power cut; the outbox then
	// publishes it again.
	DefaultSync = time.Second
)

// ServerConfig is what an embedded server needs.
type ServerConfig struct {
	// Dir holds the streams' files.
	Dir string
	// Host is where to listen: an address of this machine, loopback when empty. What others can reach needs TLS.
	Host string
	// Port to listen on; 0 takes any that is free.
	Port int
	// TLS is what clients are shown; nil for connections without.
	TLS *tls.Config
	// SyncInterval is how often files are synced; 0 = DefaultSync.
	SyncInterval time.Duration
	// SyncAlways puts a message on the disk before it is acknowledged, so that a power cut loses none.
	SyncAlways bool
	// Identities are who may connect.
	Identities []Identity
	Logger     *slog.Logger
}

// Server is a NATS server in this process.
type Server struct {
	cfg ServerConfig

	mu   sync.Mutex
	nats *server.Server // another one after a disk had stopped it

	stopTending context.CancelFunc
	tending     sync.WaitGroup
}

// StartServer starts it and returns when it takes connections. The server's own goroutines end with Stop.
func StartServer(cfg ServerConfig) (*Server, error) {
	if cfg.Dir == "" || len(cfg.Identities) == 0 || cfg.Logger == nil {
		return nil, errors.New("bus: the embedded server needs a directory, identities and a logger")
	}
	if cfg.Host == "" {
		cfg.Host = "127.0.0.1"
	}
	if !config.Loopback(cfg.Host) && cfg.TLS == nil {
		return nil, fmt.Errorf("bus: the embedded server needs TLS to listen on %s, which others can reach", cfg.Host)
	}
	if err := portFree(cfg.Host, cfg.Port); err != nil {
		return nil, err
	}
	nats, err := cfg.start()
	if err != nil {
		return nil, err
	}
	if cfg.Port == 0 {
		cfg.Port = portOf(nats) // it stays there, whatever becomes of it
	}
	ctx, stop := context.WithCancel(context.Background())
	s := &Server{cfg: cfg, nats: nats, stopTending: stop}
	s.tending.Go(func() { s.tend(ctx) })
	return s, nil
}

// start runs a server and waits until it takes connections.
func (c ServerConfig) start() (*server.Server, error) {
	s, err := server.NewServer(c.options())
	if err != nil {
		return nil, fmt.Errorf("bus: start the embedded NATS server: %w", err)
	}
	s.SetLoggerV2(natsLog{c.Logger}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("bus: the embedded NATS server isn't ready after 10 s; is another process using %s?", c.Dir)
	}
	return s, nil
}

func portOf(s *server.Server) int {
	tcp, ok := s.Addr().(*net.TCPAddr)
	if !ok {
		return 0
	}
	return tcp.Port
}

func (c ServerConfig) options() *server.Options {
	port, interval := c.Port, c.SyncInterval
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if interval == 0 {
		interval = DefaultSync
	}
	return &server.Options{
		ServerName:         "doorward",
		Host:               c.Host,
		Port:               port,
		TLSConfig:          c.TLS,
		NoSigs:             true, // signals are main's
		JetStream:          true,
		StoreDir:           c.Dir,
		SyncInterval:       interval,
		SyncAlways:         c.SyncAlways,
		JetStreamMaxStore:  maxFileStore,
		JetStreamMaxMemory: maxMemStore,
		MaxPayload:         maxPayload,
		MaxConn:            maxConnections,
		Nkeys:              users(c.Identities),
	}
}

// users turns the table of grants into the server's form.
func users(identities []Identity) []*server.NkeyUser {
	var out []*server.NkeyUser
	for _, id := range identities {
		p := PermissionsOf(id.Name)
		publish := &server.SubjectPermission{Allow: p.Publish}
		out = append(out, &server.NkeyUser{
			Nkey: id.Public,
			Permissions: &server.Permissions{
				Publish:   publish,
				Subscribe: &server.SubjectPermission{Allow: p.Subscribe},
			},
		})
	}
	return out
}

// portFree gives a taken port its own words; the server would only log it.
func portFree(host string, port int) error {
	if port == 0 {
		return nil
	}
	l, err := app.Listen(context.Background(), net.JoinHostPort(host, strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("bus: NATS: %w", err)
	}
	return l.Close()
}

// URL is where clients on this machine connect.
func (s *Server) URL() string {
	made := s.current().ClientURL()
	at, err := url.Parse(made)
	if err != nil { // never: the server has just made it
		return made
	}
	if ip, err := netip.ParseAddr(at.Hostname()); err == nil && ip.IsUnspecified() {
		at.Host = net.JoinHostPort("127.0.0.1", at.Port())
	}
	return at.String()
}

// Run keeps the server until ctx ends, and stops it.
func (s *Server) Run(ctx context.Context) error {
	<-ctx.Done()
	s.Stop()
	return nil
}

// Stop ends the server and syncs its files. Once more does nothing.
func (s *Server) Stop() {
	s.stopTending()
	s.tending.Wait()
	end(s.current())
}

func end(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

func (s *Server) current() *server.Server {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.nats
}
