package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/telemetry"
)

var discard = slog.New(slog.DiscardHandler)

// plainClient is a gRPC client without our interceptors.
func plainClient(t testing.TB, s *suite) *grpc.ClientConn {
	t.Helper()
	conn, err := grpc.NewClient(s.server.Addr().String(),
		grpc.WithTransportCredentials(credentials.NewTLS(certs.ClientTLS(material(t, s.certs, "authn"), "risk"))))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func TestClientGivesEveryCallADeadline(t *testing.T) {
	var left time.Duration
	s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
		deadline, _ := ctx.Deadline()
		left = time.Until(deadline)
		return nil
	}}, nil)
	conn := s.dial(t, "authn", func(c *rpc.ClientConfig) { c.Timeout = 2 * time.Second })
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	if left <= 0 || left > 2*time.Second {
		t.Errorf("the server had %v, want at most the client's 2s", left)
	}
}

func TestBudgetIsShavedPerHop(t *testing.T) {
	var atServer time.Time
	s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
		atServer, _ = ctx.Deadline()
		return nil
	}}, nil)
	conn := s.dial(t, "authn", nil)
	inbound := time.Now().Add(10 * time.Second)
	ctx, cancel := context.WithDeadline(t.Context(), inbound)
	defer cancel()
	if err := call(ctx, conn, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	// The wire carries what is left, so the network's own time may show up as slack.
	if kept := inbound.Sub(atServer); kept > 21*time.Millisecond || kept < -time.Second {
		t.Errorf("%v were kept back, want 20ms less the time on the way", kept)
	}
}

func TestCallWithoutTimeLeftIsNotMade(t *testing.T) {
	s := newSuite(t, &handlers{do: func(context.Context, *request) error {
		t.Error("the call was made")
		return nil
	}, watch: func(*request, grpc.ServerStream) error {
		t.Error("the stream was opened")
		return nil
	}}, nil)
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Millisecond)
	defer cancel()
	for _, bare := range []bool{false, true} {
		conn := s.dial(t, "authn", func(c *rpc.ClientConfig) { c.BareStatus = bare })
		for kind, err := range map[string]error{
			"unary":  call(ctx, conn, methodDo, valid()),
			"stream": watch(ctx, conn, valid()).RecvMsg(new(request)),
		} {
			if fault.KindOf(err) != fault.DeadlineExceeded || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s, bare %v: %v, want DEADLINE_EXCEEDED", kind, bare, err)
			}
			if bare && status.Code(err) != codes.DeadlineExceeded {
				t.Errorf("%s: status = %v, want DeadlineExceeded", kind, status.Code(err))
			}
		}
	}
}

func TestRequestIDPassesOn(t *testing.T) {
	var got []string
	s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
		got = metadata.ValueFromIncomingContext(ctx, "x-request-id")
		return nil
	}}, nil)
	ctx := telemetry.WithRequestID(t.Context(), "req-12345678")
	if err := call(ctx, s.dial(t, "authn", nil), methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	if len(got) != 1 || got[0] != "req-12345678" {
		t.Errorf("the server got %q", got)
	}
}

func TestServersAnswersArriveAsFaults(t *testing.T) {
	answer := fault.New(fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED, "Wait.").RetryIn(time.Minute)
	var trailer metadata.MD
	h := &handlers{
		do:    func(context.Context, *request) error { return answer },
		watch: func(*request, grpc.ServerStream) error { return answer },
	}
	s := newSuite(t, h, nil)
	conn := s.dial(t, "authn", nil)
	for kind, err := range map[string]error{
		"unary":  call(t.Context(), conn, methodDo, valid(), grpc.Trailer(&trailer)),
		"stream": watch(t.Context(), conn, valid()).RecvMsg(new(request)),
	} {
		if !errors.Is(err, answer) || fault.RetryAfterOf(err) != time.Minute {
			t.Errorf("%s: %v, want the server's fault", kind, err)
		}
	}
	if got := trailer.Get("retry-after"); len(got) != 1 || got[0] != "60" {
		t.Errorf("retry-after: %v, want 60 seconds", got)
	}
}

func TestUnreachableServerIsUnavailable(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, nil)
	conn := s.dial(t, "authn", nil)
	s.stop()
	if err := call(t.Context(), conn, methodDo, valid()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("call = %v, want UNAVAILABLE", err)
	}
}

func TestServerMustProveItsName(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, nil)
	conn := s.dial(t, "authn", func(c *rpc.ClientConfig) { c.TLS.ServerName = "notify" })
	if err := call(t.Context(), conn, methodDo, valid()); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("call = %v, want a failed handshake", err)
	}
}

func TestDialRefusesWeakTLS(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, nil)
	tests := map[string]func(*tls.Config) *tls.Config{
		"none":                func(*tls.Config) *tls.Config { return nil },
		"no server name":      func(c *tls.Config) *tls.Config { c.ServerName = ""; return c },
		"unverified server":   func(c *tls.Config) *tls.Config { c.InsecureSkipVerify = true; return c },
		"the system's CAs":    func(c *tls.Config) *tls.Config { c.RootCAs = nil; return c },
		"TLS 1.2 and earlier": func(c *tls.Config) *tls.Config { c.MinVersion = tls.VersionTLS12; return c },
	}
	for name, weaken := range tests {
		cfg := weaken(certs.ClientTLS(material(t, s.certs, "authn"), "risk"))
		if conn, err := rpc.Dial("127.0.0.1:1", rpc.ClientConfig{TLS: cfg}); !errors.Is(err, rpc.ErrWeakTLS) {
			t.Errorf("%s: %v, want ErrWeakTLS", name, err)
			if conn != nil {
				_ = conn.Close()
			}
		}
	}
}
