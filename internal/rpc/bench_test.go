package rpc_test

import (
	"testing"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/doorward/doorward/internal/app"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
)

// BenchmarkUnary compares a call through every interceptor with a bare gRPC
// server. Read the ratio, not the times: the aim is 70 % of the bare rate. What
// tracing costs beside, with a span of the server's for each call, the last row says.
func BenchmarkUnary(b *testing.B) {
	s := newSuite(b, &handlers{do: accept}, nil)
	bare := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(certs.ServerTLS(material(b, s.certs, "risk"), certs.ServicesOnly))),
		grpc.NumStreamWorkers(3),
	)
	bare.RegisterService(serviceDesc(), &handlers{do: accept})
	l, err := app.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	go func() { _ = bare.Serve(l) }()
	b.Cleanup(bare.Stop)

	conn := plainClient(b, s)
	bareConn, err := grpc.NewClient(l.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(certs.ClientTLS(material(b, s.certs, "authn"), "risk"))))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = bareConn.Close() })

	b.Run("bare", func(b *testing.B) { callInParallel(b, bareConn) })
	b.Run("full", func(b *testing.B) { callInParallel(b, conn) })

	traced := newSuite(b, &handlers{do: accept}, func(c *rpc.ServerConfig) {
		c.Tracing = telemetry.NewTracing(sdktrace.NewTracerProvider())
	})
	b.Run("traced", func(b *testing.B) { callInParallel(b, plainClient(b, traced)) })
}

func callInParallel(b *testing.B, conn *grpc.ClientConn) {
	b.ReportAllocs()
	b.SetParallelism(32)
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := call(b.Context(), conn, methodDo, valid()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}
