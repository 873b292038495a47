package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

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
