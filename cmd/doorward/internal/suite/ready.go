package suite

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

// Place is where a part of the suite is reached.
type Place struct{ Name, Address string }

// Places are where the services listen, with the ports that they got.
func (s *Suite) Places() []Place {
	return []Place{
		{"authn", s.authn.Addr().String()},
		{"risk", s.risk.Addr().String()},
		{"notify", s.notify.Addr().String()},
		{"portal", s.portal.Addr().String()},
	}
}

// AuthnAddress is where applications on this machine call.
func (s *Suite) AuthnAddress() string { return dialled(s.authn.Addr()) }

// RiskAddress is where operators on this machine call risk.
func (s *Suite) RiskAddress() string { return dialled(s.risk.Addr()) }

// NotifyAddress is where they call notify.
func (s *Suite) NotifyAddress() string { return dialled(s.notify.Addr()) }

// healthEvery is how often a service that doesn't serve yet is asked again.
const healthEvery = 5 * time.Millisecond

// AwaitServing waits until every service says that it serves. Its tasks must be under way.
func (s *Suite) AwaitServing(ctx context.Context) error {
	for _, service := range []Place{
		{"risk", dialled(s.risk.Addr())}, {"authn", dialled(s.authn.Addr())}, {"notify", dialled(s.notify.Addr())},
	} {
		if err := s.awaitServing(ctx, service); err != nil {
			return fmt.Errorf("%s doesn't serve: %w", service.Name, err)
		}
	}
	return nil
}

func (s *Suite) awaitServing(ctx context.Context, service Place) error {
	const patience = 30 * time.Second
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	material, err := certs.Load(s.certs, "operator", s.process.Logger)
	if err != nil {
		return err
	}
	conn, err := rpc.Dial(service.Address, rpc.ClientConfig{TLS: certs.ClientTLS(material, service.Name)})
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
