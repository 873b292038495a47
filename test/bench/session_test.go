package bench_test

import (
	"context"
	"crypto/tls"
	"runtime"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/app"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/testbed"
)

const sessionCallers = 64

// BenchmarkVerifySession is the call that verifiers make while their feed is stale, by 64 callers on one connection. Its limit is an empty
// call between the same ends: TLS and gRPC, and no interceptor, key, token or store. Both have a deadline, as each call of the SDK has.
func BenchmarkVerifySession(b *testing.B) {
	bed := testbed.New(b)
	bed.Unpaced()
	ada := bed.SignUp("ada@example.org")
	request := &authnv1.VerifySessionRequest{SessionToken: signIn(b, ada)}
	sessions := authnv1.NewSessionServiceClient(bed.Plain())
	empty := authnv1.NewSessionServiceClient(serveEmpty(b, bed.Server(), bed.Client()))
	compare(b,
		func(r *rate) {
			r.measure(b, sessionCallers, func(int) error {
				return verifySession(b, empty, &authnv1.VerifySessionRequest{})
			})
		},
		func(r *rate) {
			r.measure(b, sessionCallers, func(int) error {
				return verifySession(b, sessions, request)
			})
		})
}

func verifySession(b *testing.B, sessions authnv1.SessionServiceClient, request *authnv1.VerifySessionRequest) error {
	ctx, cancel := context.WithTimeout(b.Context(), doorward.DefaultTimeout)
	defer cancel()
	_, err := sessions.VerifySession(ctx, request)
	return err
}

func signIn(b *testing.B, p *testbed.Person) string {
	b.Helper()
	grant, err := p.SignIn(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	return grant.SessionToken.Reveal()
}

// emptyCalls answer nothing to nothing.
type emptyCalls struct {
	authnv1.UnimplementedSessionServiceServer
}

var _ authnv1.SessionServiceServer = emptyCalls{}

func (emptyCalls) VerifySession(context.Context, *authnv1.VerifySessionRequest) (*authnv1.VerifySessionResponse, error) {
	return &authnv1.VerifySessionResponse{}, nil
}

// serveEmpty runs a bare server of empty calls until the benchmark ends, and connects to it.
func serveEmpty(b *testing.B, server, client *tls.Config) *grpc.ClientConn {
	b.Helper()
	listener, err := app.Listen(b.Context(), "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	bare := grpc.NewServer(
		grpc.Creds(credentials.NewTLS(server)),
		grpc.NumStreamWorkers(uint32(runtime.GOMAXPROCS(0)+1)), // as ours has
	)
	authnv1.RegisterSessionServiceServer(bare, emptyCalls{})
	ended := make(chan error, 1)
	go func() { ended <- bare.Serve(listener) }()
	b.Cleanup(func() {
		bare.Stop()
		if err := <-ended; err != nil {
			b.Error(err)
		}
	})
	conn, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(client)))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	return conn
}
