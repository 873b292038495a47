package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/services/portal"
)

type healthCmd struct {
	Service string        `arg:"" enum:"authn,risk,notify,portal,inbox" help:"authn, risk, notify, portal or inbox."`
	Address string        `help:"host:port; the service's usual port on this machine when left out."`
	Certs   string        `placeholder:"DIR" help:"Directory of the certificates, instead of DOORWARD_CERTS or .doorward/certs; portal and inbox need none."`
	As      string        `default:"operator" help:"Whose certificate to show."`
	Timeout time.Duration `default:"3s" help:"How long to wait for the answer."`
}

func (healthCmd) Help() string {
	return `Exits 0 when the service serves, 1 when it doesn't or can't be reached: made for a container's health check, where there is no shell. The portal and the
inbox are asked for a page, over HTTP. Example:

  doorward health authn --certs /etc/doorward/certs --as authn`
}

// usualAddresses are where services listen unless told otherwise.
var usualAddresses = map[string]string{
	"authn": "127.0.0.1:7401", "risk": "127.0.0.1:7402", "notify": "127.0.0.1:7403", "portal": "127.0.0.1:7404", "inbox": "127.0.0.1:7406",
}

// healthPages are what those are asked for that speak HTTP.
var healthPages = map[string]string{"portal": portal.HealthPath, "inbox": "/"}

func (c *healthCmd) Run(ctx context.Context, s streams) error {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	if c.Address == "" {
		c.Address = usualAddresses[c.Service]
	}
	ask := c.askGRPC
	if _, ok := healthPages[c.Service]; ok {
		ask = c.askHTTP
	}
	if err := ask(ctx, s); err != nil {
		return err
	}
	fmt.Fprintf(s.out, "%s at %s is serving\n", c.Service, c.Address)
	return nil
}

func (c *healthCmd) askGRPC(ctx context.Context, s streams) error {
	logger, err := s.logger(slog.LevelWarn)
	if err != nil {
		return err
	}
	material, err := loadCertificate(s.certsDirectory(c.Certs), c.As, logger)
	if err != nil {
		return err
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
	return nil
}

func (c *healthCmd) askHTTP(ctx context.Context, _ streams) error {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.Address+healthPages[c.Service], http.NoBody)
	if err != nil {
		return fmt.Errorf("--address: %w", err)
	}
	client := &http.Client{Timeout: c.Timeout}
	answer, err := client.Do(request)
	if err != nil {
		return fmt.Errorf("%s at %s doesn't answer: %w", c.Service, c.Address, err)
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s at %s answers %s", c.Service, c.Address, answer.Status)
	}
	return nil
}
