package production

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"path/filepath"
	"strconv"
	"time"

	"github.com/doorward/doorward/cmd/doorward/internal/suite"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/config"
)

// declareTimeout bounds the declaration of the streams at the start.
const declareTimeout = 30 * time.Second

// openBus starts the embedded server, or finds the other one, and declares the streams.
func (s *Suite) openBus(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, declareTimeout)
	defer cancel()
	s.at = suite.Bus{URL: s.cfg.NATS.URL, CA: s.cfg.NATS.CA, Seeds: s.cfg.layout().NATS()}
	if s.cfg.NATS.URL == "" {
		if err := s.startBus(); err != nil {
			return err
		}
	}
	err := s.at.DeclareStreams(ctx, s.cfg.NATS.Replicas, s.process.Logger)
	if s.nats == nil && errors.Is(err, suite.ErrBusAway) {
		// Sign-in goes on without NATS. If it comes back without the streams, notify ends the process, and the next start declares them.
		s.process.Logger.LogAttrs(ctx, slog.LevelWarn, "the streams aren't declared: NATS can't be reached", slog.String("url", s.at.URL))
		return nil
	}
	return err
}

// startBus starts the embedded server. A message is on the disk before it is acknowledged: the machine's power is the only thing between the two.
func (s *Suite) startBus() (err error) {
	l := s.cfg.layout()
	server := bus.ServerConfig{Dir: l.JetStream(), SyncAlways: true, Logger: s.process.Logger}
	if server.Host, server.Port, err = s.cfg.NATS.listener(); err != nil {
		return err
	}
	if !config.Loopback(server.Host) {
		if server.TLS, err = s.busTLS(); err != nil {
			return err
		}
		s.at.CA = filepath.Join(l.Certs(), "ca.pem")
	}
	for _, name := range bus.Names() {
		identity, err := bus.LoadIdentity(l.NATS(), name)
		if err != nil {
			return err
		}
		server.Identities = append(server.Identities, identity)
	}
	if s.nats, err = bus.StartServer(server); err != nil {
		return err
	}
	s.at.URL = s.nats.URL()
	return nil
}

// busTLS lets whoever has an nkey in without a certificate, as SDKs come.
func (s *Suite) busTLS() (*tls.Config, error) {
	material, err := certs.Load(s.cfg.layout().Certs(), "nats", s.process.Logger)
	if err != nil {
		return nil, err
	}
	return certs.ServerTLS(material, certs.Anyone), nil
}

// Address is where the configuration has NATS, for people.
func (n NATS) Address() string {
	if n.URL != "" {
		return n.URL
	}
	return "embedded, on " + n.Listen
}

// listener is where the embedded server listens; an address without a host is all of the machine's.
func (n NATS) listener() (host string, port int, err error) {
	host, number, err := net.SplitHostPort(n.Listen)
	if err != nil {
		return "", 0, fmt.Errorf("nats.listen: %w", err)
	}
	if port, err = strconv.Atoi(number); err != nil {
		return "", 0, fmt.Errorf("nats.listen %s: the port isn't a number", n.Listen)
	}
	if host == "" {
		host = "0.0.0.0"
	}
	return host, port, nil
}
