package bus

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"github.com/doorward/doorward/internal/app"
)

// Limits of every server we configure, embedded or by deploy/nats.conf.
const (
	maxPayload   = 1 << 20  // bytes; an outbox row has at most a quarter of it
	maxFileStore = 32 * gib // above the sum of the streams' sizes
	maxMemStore  = 64 * mib // no stream of ours lives in memory
	// DefaultSync is how often the embedded server syncs its files. What is younger can be lost in a power cut; the outbox then
	// publishes it again.
	DefaultSync = time.Second
)

// ServerConfig is what an embedded server needs.
type ServerConfig struct {
	// Dir holds the streams' files.
	Dir string
	// Port on loopback; 0 takes any that is free.
	Port int
	// SyncInterval is how often files are synced; 0 = DefaultSync.
	SyncInterval time.Duration
	// Identities are who may connect.
	Identities []Identity
	Logger     *slog.Logger
}

// Server is a NATS server in this process, listening on loopback.
type Server struct {
	nats *server.Server
}

// StartServer starts it and returns when it takes connections. The server's own goroutines end with Stop.
func StartServer(cfg ServerConfig) (*Server, error) {
	if cfg.Dir == "" || len(cfg.Identities) == 0 || cfg.Logger == nil {
		return nil, errors.New("bus: the embedded server needs a directory, identities and a logger")
	}
	if err := portFree(cfg.Port); err != nil {
		return nil, err
	}
	s, err := server.NewServer(cfg.options())
	if err != nil {
		return nil, fmt.Errorf("bus: start the embedded NATS server: %w", err)
	}
	s.SetLoggerV2(natsLog{cfg.Logger}, false, false, false)
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		s.Shutdown()
		return nil, fmt.Errorf("bus: the embedded NATS server isn't ready after 10 s; is another process using %s?", cfg.Dir)
	}
	return &Server{nats: s}, nil
}

func (c ServerConfig) options() *server.Options {
	port, sync := c.Port, c.SyncInterval
	if port == 0 {
		port = server.RANDOM_PORT
	}
	if sync == 0 {
		sync = DefaultSync
	}
	return &server.Options{
		ServerName:         "doorward",
		Host:               "127.0.0.1",
		Port:               port,
		NoSigs:             true, // signals are main's
		JetStream:          true,
		StoreDir:           c.Dir,
		SyncInterval:       sync,
		JetStreamMaxStore:  maxFileStore,
		JetStreamMaxMemory: maxMemStore,
		MaxPayload:         maxPayload,
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
func portFree(port int) error {
	if port == 0 {
		return nil
	}
	l, err := app.Listen(context.Background(), net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("bus: NATS: %w", err)
	}
	return l.Close()
}

// URL is where clients connect.
func (s *Server) URL() string { return s.nats.ClientURL() }

// Stop ends the server and syncs its files.
func (s *Server) Stop() {
	s.nats.Shutdown()
	s.nats.WaitForShutdown()
}

// natsLog hands the server's messages to slog as data: their text isn't constant.
type natsLog struct{ log *slog.Logger }

var _ server.Logger = natsLog{}

func (l natsLog) at(level slog.Level, format string, v []any) {
	l.log.LogAttrs(context.Background(), level, "nats server", slog.String("message", strings.TrimSpace(fmt.Sprintf(format, v...))))
}

func (l natsLog) Noticef(format string, v ...any) { l.at(slog.LevelDebug, format, v) }
func (l natsLog) Warnf(format string, v ...any)   { l.at(slog.LevelWarn, format, v) }
func (l natsLog) Fatalf(format string, v ...any)  { l.at(slog.LevelError, format, v) }
func (l natsLog) Errorf(format string, v ...any)  { l.at(slog.LevelError, format, v) }
func (l natsLog) Debugf(format string, v ...any)  { l.at(slog.LevelDebug, format, v) }
func (l natsLog) Tracef(format string, v ...any)  { l.at(slog.LevelDebug, format, v) }
