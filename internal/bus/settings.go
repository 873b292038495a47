package bus

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/url"
	"strings"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/config"
	"github.com/doorward/doorward/internal/secret"
)

// Settings is the section of a service's configuration that says how it reaches the bus.
type Settings struct {
	URL  string `koanf:"url" doc:"the NATS server, such as nats://127.0.0.1:7407, or several with commas between"`
	Seed string `koanf:"seed" doc:"file with the service's nkey seed, mode 0600, as doorward nats keys makes it"`
	CA   string `koanf:"ca" doc:"file with the CA of the server's certificate, PEM; without it the connection has no TLS, which is for this machine alone"`
}

// Check reports all faults at once. Files are looked at when they are opened.
func (s Settings) Check() config.Faults {
	var faults config.Faults
	local, ok := s.local()
	faults.Need(ok, "url", "isn't one of nats://host:port, or several with commas between")
	faults.Need(!ok || local || s.CA != "", "ca", "is missing, and url leads off this machine: events name people, and need TLS on the way")
	faults.Need(s.Seed != "", "seed", "is missing: name the file that doorward nats keys made")
	return faults
}

// local says whether all servers are on this machine; not ok for what isn't a list of servers.
func (s Settings) local() (local, ok bool) {
	local = true
	for server := range strings.SplitSeq(s.URL, ",") {
		u, err := url.Parse(strings.TrimSpace(server))
		if err != nil || u.Scheme != "nats" && u.Scheme != "tls" || u.Hostname() == "" || u.Port() == "" || u.User != nil {
			return false, false
		}
		local = local && config.Loopback(u.Hostname())
	}
	return local, true
}

// RefuseDevelopment is secret.ErrDevelopment when the seed was made for development.
func (s Settings) RefuseDevelopment() error {
	return secret.RefuseDevelopment(s.Seed, "doorward nats keys")
}

// Connect reads the identity and the CA, and connects. It is patient: a server that can't be reached yet is tried again for as long as the
// connection is open, and only a refused identity is an error.
func (s Settings) Connect(ctx context.Context, name Name, logger *slog.Logger) (*Conn, error) {
	identity, err := ReadIdentity(s.Seed, name)
	if err != nil {
		return nil, err
	}
	transport, err := Transport(s.CA)
	if err != nil {
		return nil, err
	}
	return Connect(ctx, Config{URL: s.URL, Identity: identity, TLS: transport, Patient: true, Logger: logger})
}

// serverName is what a server's certificate says that the deployment's own CA issued.
const serverName = "nats"

// Transport is how a server is reached whose certificate is of a CA: the PEM file's at path. Without a path it is nil, for a connection without TLS, which is
// for this machine alone.
//
// Of the deployment's own CA it must be NATS's certificate, whatever host was dialled: those of all services bear the deployment's hosts. Of another CA
// it must bear the host.
func Transport(ca string) (*tls.Config, error) {
	if ca == "" {
		return nil, nil //nolint:nilnil // no TLS is one of the two answers
	}
	roots, err := certs.ReadRoots(ca)
	if err != nil {
		return nil, fmt.Errorf("bus: the CA of NATS: %w", err)
	}
	ours, err := certs.OfDeployment(ca)
	if err != nil {
		return nil, fmt.Errorf("bus: the CA of NATS: %w", err)
	}
	transport := &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots}
	if ours {
		transport.ServerName = serverName
	}
	return transport, nil
}
