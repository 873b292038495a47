package suite

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

// AppEnv is what an application needs to use the suite.
func (s *Suite) AppEnv() deployment.Env { return s.app }

// Place is where a part of the suite is reached.
type Place struct{ Name, Address string }

// Addresses are for people.
func (s *Suite) Addresses() []Place {
	return []Place{
		{"authn", s.authn.Addr().String()},
		{"risk", s.risk.Addr().String()},
		{"notify", s.notify.Addr().String()},
		{"portal", "http://" + s.portal.Addr().String()},
		{"inbox", "http://" + s.inbox.WebAddr() + "  (SMTP on " + s.inbox.SMTPAddr() + ")"},
		{"NATS", s.nats.URL()},
	}
}

// healthEvery is how often a service that doesn't serve yet is asked again.
const healthEvery = 5 * time.Millisecond

// AwaitServing waits until every service says that it serves. Run must be under way.
func (s *Suite) AwaitServing(ctx context.Context) error {
	for _, service := range []Place{
		{"risk", s.risk.Addr().String()}, {"authn", s.authn.Addr().String()}, {"notify", s.notify.Addr().String()},
	} {
		if err := s.awaitServing(ctx, service.Name, service.Address); err != nil {
			return fmt.Errorf("%s doesn't serve: %w", service.Name, err)
		}
	}
	return nil
}

func (s *Suite) awaitServing(ctx context.Context, name, address string) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	material, err := certs.Load(s.layout.Certs(), "operator", s.cfg.Logger)
	if err != nil {
		return err
	}
	conn, err := rpc.Dial(address, rpc.ClientConfig{TLS: certs.ClientTLS(material, name)})
	if err != nil {
		return err
	}
	defer conn.Close()
	health := grpc_health_v1.NewHealthClient(conn)
	ticker := time.NewTicker(healthEvery)
	defer ticker.Stop()
	for {
		answer, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
		if err == nil && answer.GetStatus() == grpc_health_v1.HealthCheckResponse_SERVING {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}
