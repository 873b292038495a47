package rpc_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc/health/grpc_health_v1"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

func TestHealthFollowsTheServiceAndIsTakenBackAtTheStop(t *testing.T) {
	s := newSuite(t, &handlers{}, nil)
	conn, err := rpc.Dial(s.server.Addr().String(), rpc.ClientConfig{TLS: certs.ClientTLS(material(t, s.certs, "authn"), "risk")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	health := grpc_health_v1.NewHealthClient(conn)
	await := func(want grpc_health_v1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
		defer cancel()
		ticker := time.NewTicker(10 * time.Millisecond)
		defer ticker.Stop()
		for {
			answer, err := health.Check(ctx, &grpc_health_v1.HealthCheckRequest{})
			if err == nil && answer.GetStatus() == want {
				return
			}
			select {
			case <-ticker.C:
			case <-ctx.Done():
				t.Fatalf("health is %v (%v), want %v", answer.GetStatus(), err, want)
			}
		}
	}
	await(grpc_health_v1.HealthCheckResponse_NOT_SERVING)

	var broken atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() {
		ended <- s.server.ReportHealth(ctx, func(context.Context) error {
			if broken.Load() {
				return errors.New("the disk is full")
			}
			return nil
		})
	}()
	await(grpc_health_v1.HealthCheckResponse_SERVING)
	broken.Store(true)
	await(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
	if !strings.Contains(s.log.String(), "the disk is full") {
		t.Errorf("the log doesn't say why:\n%s", s.log.String())
	}
	broken.Store(false)
	await(grpc_health_v1.HealthCheckResponse_SERVING)
	stop()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	await(grpc_health_v1.HealthCheckResponse_NOT_SERVING)
}
