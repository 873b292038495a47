package rpc

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/tap"

	"github.com/doorward/doorward/internal/app"
)

// Whoever is refused at the first byte leaves nothing behind, not even the timer of a deadline in a thousand years: gRPC-Go
// keeps one when a tap answers with an error.
func TestARefusedCallLeavesNothingBehind(t *testing.T) {
	full := newArrivals(ServerConfig{Name: "authn", Logger: slog.New(slog.DiscardHandler), Now: time.Now, ArrivalTimeout: time.Hour})
	var freed atomic.Int64
	served := func(ctx context.Context, info *tap.Info) (context.Context, error) {
		context.AfterFunc(ctx, func() { freed.Add(1) })
		return full.bound(deadlines(time.Second, func(string) bool { return false }))(ctx, info)
	}
	server := grpc.NewServer(grpc.InTapHandle(served), grpc.UnaryInterceptor(serveUnary(nil)), grpc.StreamInterceptor(serveStream(nil)))
	healthpb.RegisterHealthServer(server, unreached{t: t})
	listener, err := app.Listen(t.Context(), "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })

	ctx, cancel := context.WithTimeout(t.Context(), 1000*time.Hour)
	defer cancel()
	const calls = 100
	client := healthpb.NewHealthClient(conn)
	for range calls {
		if _, err := client.Check(ctx, &healthpb.HealthCheckRequest{}); err == nil {
			t.Fatal("a call was served without a place")
		}
		stream, err := client.Watch(ctx, &healthpb.HealthCheckRequest{})
		if err == nil {
			_, err = stream.Recv()
		}
		if err == nil {
			t.Fatal("a stream was served without a place")
		}
	}
	waiting, stop := context.WithTimeout(t.Context(), 20*time.Second)
	defer stop()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for freed.Load() < 2*calls {
		select {
		case <-tick.C:
		case <-waiting.Done():
			t.Fatalf("of %d refused calls %d were freed", 2*calls, freed.Load())
		}
	}
}

// unreached is a service that nobody may reach.
type unreached struct {
	healthpb.UnimplementedHealthServer

	t *testing.T
}

func (u unreached) Check(context.Context, *healthpb.HealthCheckRequest) (*healthpb.HealthCheckResponse, error) {
	u.t.Error("a handler ran")
	return &healthpb.HealthCheckResponse{}, nil
}

func (u unreached) Watch(*healthpb.HealthCheckRequest, grpc.ServerStreamingServer[healthpb.HealthCheckResponse]) error {
	u.t.Error("a stream's handler ran")
	return nil
}
