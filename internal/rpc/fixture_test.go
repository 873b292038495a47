package rpc_test

import (
	"bytes"
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/emptypb"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
)

// The tests' service has unary methods of every priority, a server stream and one
// method that the table forgot. Its request is any message of ours with rules.
const (
	methodDo        = "/test.v1.Test/Do"
	methodWatch     = "/test.v1.Test/Watch"
	methodForgotten = "/test.v1.Test/Forgotten"
	methodPublic    = "/test.v1.Test/Public"
	methodLater     = "/test.v1.Test/Later"
)

type request = notifyv1.DescribeContainmentRequest

func valid() *request { return &request{DeliveryId: "dlv_1", ContainToken: "token"} }

// handlers is the implementation: what the test wants each call to do.
type handlers struct {
	do    func(context.Context, *request) error
	watch func(*request, grpc.ServerStream) error
}

func unaryMethod(name string) grpc.MethodDesc {
	return grpc.MethodDesc{
		MethodName: name,
		Handler: func(srv any, ctx context.Context, dec func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
			in := new(request)
			if err := dec(in); err != nil {
				return nil, err
			}
			handle := func(ctx context.Context, req any) (any, error) {
				return &emptypb.Empty{}, srv.(*handlers).do(ctx, req.(*request))
			}
			if intercept == nil {
				return handle(ctx, in)
			}
			return intercept(ctx, in, &grpc.UnaryServerInfo{Server: srv, FullMethod: "/test.v1.Test/" + name}, handle)
		},
	}
}

func serviceDesc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.v1.Test",
		HandlerType: (*any)(nil),
		Methods:     []grpc.MethodDesc{unaryMethod("Do"), unaryMethod("Forgotten"), unaryMethod("Public"), unaryMethod("Later")},
		Streams: []grpc.StreamDesc{{
			StreamName: "Watch", ServerStreams: true,
			Handler: func(srv any, stream grpc.ServerStream) error {
				in := new(request)
				if err := stream.RecvMsg(in); err != nil {
					return err
				}
				return srv.(*handlers).watch(in, stream)
			},
		}},
	}
}

func table() access.Table {
	return access.Table{
		methodDo:     {Callers: access.Service, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Interactive},
		methodWatch:  {Callers: access.Service, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Interactive},
		methodLater:  {Callers: access.Service, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Deferrable},
		methodPublic: {Callers: access.Public, Limit: access.NoLimit(), Priority: access.Vital},
	}
}

// suite is a server under test, its certificates, log and metrics.
type suite struct {
	server  *rpc.Server
	certs   string
	log     *logBuffer
	metrics *prometheus.Registry
	stop    func() // ends Run and waits for it
}

func newSuite(t testing.TB, h *handlers, change func(*rpc.ServerConfig)) *suite {
	t.Helper()
	s := &suite{certs: t.TempDir(), log: &logBuffer{}, metrics: prometheus.NewRegistry()}
	if _, err := certs.Create(s.certs, []string{"risk", "authn", "notify"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	logger, err := telemetry.NewLogger(telemetry.LogConfig{Writer: s.log})
	if err != nil {
		t.Fatal(err)
	}
	cfg := rpc.ServerConfig{
		Name: "risk", Address: "127.0.0.1:0", TLS: certs.ServerTLS(material(t, s.certs, "risk"), certs.ServicesOnly),
		Table: table(), Authenticate: rpc.MTLSOnly, Logger: logger, Registerer: s.metrics, Now: time.Now,
	}
	if change != nil {
		change(&cfg)
	}
	if s.server, err = rpc.NewServer(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	s.server.RegisterService(serviceDesc(), h)
	s.run(t)
	return s
}

func (s *suite) run(t testing.TB) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- s.server.Run(ctx) }()
	s.stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run = %v", err)
		}
	})
	t.Cleanup(s.stop)
}

func material(t testing.TB, dir, name string) *certs.Material {
	t.Helper()
	m, err := certs.Load(dir, name, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// dial connects as the named service.
func (s *suite) dial(t testing.TB, name string, change func(*rpc.ClientConfig)) *grpc.ClientConn {
	t.Helper()
	cfg := rpc.ClientConfig{TLS: certs.ClientTLS(material(t, s.certs, name), "risk")}
	if change != nil {
		change(&cfg)
	}
	conn, err := rpc.Dial(s.server.Addr().String(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func call(ctx context.Context, conn *grpc.ClientConn, method string, req *request, opts ...grpc.CallOption) error {
	return conn.Invoke(ctx, method, req, new(emptypb.Empty), opts...)
}

func accept(context.Context, *request) error { return nil }

// logBuffer is a log that tests read while the server writes.
type logBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
