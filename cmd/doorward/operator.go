package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/secret"
)

// lookup reads the environment.
func (s streams) lookup(name string) string {
	for _, pair := range s.env {
		if value, ok := strings.CutPrefix(pair, name+"="); ok {
			return value
		}
	}
	return ""
}

// dialAuthn connects as the operator whose API key is in the environment. It reports all that is missing at once.
func (s streams) dialAuthn() (*grpc.ClientConn, error) {
	var missing []error
	need := func(name string) string {
		value := s.lookup(name)
		if value == "" {
			missing = append(missing, fmt.Errorf("no %s: run . .doorward/operator.env", name))
		}
		return value
	}
	address, key, ca := need("DOORWARD_ADDRESS"), need("DOORWARD_API_KEY"), need("DOORWARD_CA")
	if len(missing) > 0 {
		return nil, errors.Join(missing...)
	}
	roots, err := certs.ReadRoots(ca)
	if err != nil {
		return nil, err
	}
	return rpc.Dial(address, rpc.ClientConfig{
		TLS:         &tls.Config{MinVersion: tls.VersionTLS13, RootCAs: roots, ServerName: "authn"},
		Credentials: apiKey{secret.Wrap(key)},
	})
}

// apiKey puts an operator's key into every call.
type apiKey struct{ key secret.Text }

var _ credentials.PerRPCCredentials = apiKey{}

func (k apiKey) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	return map[string]string{"authorization": "Bearer " + k.key.Reveal()}, nil
}

func (apiKey) RequireTransportSecurity() bool { return true }

type healthCmd struct {
	Service string `arg:"" enum:"authn,risk,notify" help:"authn, risk or notify."`
	Address string `help:"host:port; the service's usual port on this machine when left out."`
	Certs   string `default:".doorward/certs" help:"Directory of the certificates."`
	As      string `default:"operator" help:"Whose certificate to show."`
}

func (healthCmd) Help() string {
	return `Exits 0 when the service serves, 1 when it doesn't or can't be reached: made for a container's health check. The portal has no gRPC: ask it for
GET /health. Example:

  doorward health authn --certs /etc/doorward/certs --as authn`
}

// usualAddresses are where services listen unless told otherwise.
var usualAddresses = map[string]string{"authn": "127.0.0.1:7401", "risk": "127.0.0.1:7402", "notify": "127.0.0.1:7403"}

func (c *healthCmd) Run(ctx context.Context, s streams) error {
	logger, err := s.logger(slog.LevelWarn)
	if err != nil {
		return err
	}
	material, err := certs.Load(c.Certs, c.As, logger)
	if err != nil {
		return err
	}
	if c.Address == "" {
		c.Address = usualAddresses[c.Service]
	}
	conn, err := rpc.Dial(c.Address, rpc.ClientConfig{TLS: certs.ClientTLS(material, c.Service)})
	if err != nil {
		return err
	}
	defer conn.Close()
	answer, err := grpc_health_v1.NewHealthClient(conn).Check(ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil {
		return fmt.Errorf("%s at %s doesn't answer: %w", c.Service, c.Address, err)
	}
	if answer.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		return fmt.Errorf("%s at %s is %s", c.Service, c.Address, strings.ToLower(answer.GetStatus().String()))
	}
	fmt.Fprintf(s.out, "%s at %s is serving\n", c.Service, c.Address)
	return nil
}
