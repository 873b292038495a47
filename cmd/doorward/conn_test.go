package main

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

// sick answers every question with a failure, as a service does that says more in its log.
type sick struct {
	grpc_health_v1.UnimplementedHealthServer
	code codes.Code
}

func (s sick) Check(ctx context.Context, _ *grpc_health_v1.HealthCheckRequest) (*grpc_health_v1.HealthCheckResponse, error) {
	_ = grpc.SetHeader(ctx, metadata.Pairs(rpc.RequestIDKey, "req_of_this_call"))
	return nil, status.Error(s.code, "said")
}

func TestFailureOfAServiceIsToldWithItsRequestID(t *testing.T) {
	dir := t.TempDir()
	_, err := certs.Create(dir, []string{"authn", "operator"}, certs.Options{Now: time.Now()})
	must(t, err)
	quiet := slog.New(slog.DiscardHandler)
	theirs, err := certs.Load(dir, "authn", quiet)
	must(t, err)
	ours, err := certs.Load(dir, "operator", quiet)
	must(t, err)
	for code, told := range map[codes.Code]bool{codes.Internal: true, codes.NotFound: false} {
		var config net.ListenConfig
		listener, err := config.Listen(t.Context(), "tcp", "127.0.0.1:0")
		must(t, err)
		server := grpc.NewServer(grpc.Creds(credentials.NewTLS(certs.ServerTLS(theirs, certs.Anyone))))
		grpc_health_v1.RegisterHealthServer(server, sick{code: code})
		served := make(chan error, 1)
		go func() { served <- server.Serve(listener) }()
		conn, err := dialOperator(listener.Addr().String(), rpc.ClientConfig{TLS: certs.ClientTLS(ours, "authn")})
		must(t, err)
		_, err = grpc_health_v1.NewHealthClient(conn).Check(t.Context(), &grpc_health_v1.HealthCheckRequest{})
		if err == nil || strings.Contains(err.Error(), "(request id req_of_this_call)") != told {
			t.Errorf("%v is told as %v", code, err)
		}
		must(t, conn.Close())
		server.Stop()
		must(t, <-served)
	}
}
