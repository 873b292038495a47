package rpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

func TestCallersAreKnownByTheirCertificate(t *testing.T) {
	var seen access.Principal
	s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
		seen, _ = access.FromContext(ctx)
		return nil
	}}, nil)

	if err := call(t.Context(), s.dial(t, "authn", nil), methodDo, valid()); err != nil {
		t.Fatalf("authn: %v", err)
	}
	if seen.Kind != access.Service || seen.ID != "authn" || !seen.Peer.IsLoopback() {
		t.Errorf("principal = %+v, want the service authn on loopback", seen)
	}
	err := call(t.Context(), s.dial(t, "notify", nil), methodDo, valid())
	if fault.ReasonOf(err) != typev1.Reason_REASON_CALLER_NOT_ALLOWED {
		t.Errorf("notify: %v, want CALLER_NOT_ALLOWED", err)
	}
}

func TestStrangersAreTurnedAway(t *testing.T) {
	without := func(c *rpc.ClientConfig) { c.TLS.GetClientCertificate = nil }
	t.Run("no certificate where services alone connect", func(t *testing.T) {
		s := newSuite(t, &handlers{do: accept}, nil)
		err := call(t.Context(), s.dial(t, "authn", without), methodPublic, valid())
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("call = %v, want a failed handshake", err)
		}
	})
	t.Run("no certificate where anyone connects", func(t *testing.T) {
		s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.TLS.ClientAuth = tls.VerifyClientCertIfGiven })
		conn := s.dial(t, "authn", without)
		if err := call(t.Context(), conn, methodDo, valid()); fault.ReasonOf(err) != typev1.Reason_REASON_CERTIFICATE_MISSING {
			t.Errorf("call = %v, want CERTIFICATE_MISSING", err)
		}
		if err := call(t.Context(), conn, methodPublic, valid()); err != nil {
			t.Errorf("public method: %v", err)
		}
	})
	t.Run("a certificate of another CA", func(t *testing.T) {
		s, other := newSuite(t, &handlers{do: accept}, nil), newSuite(t, &handlers{do: accept}, nil)
		foreign := certs.ClientTLS(material(t, other.certs, "authn"), "risk")
		err := call(t.Context(), s.dial(t, "authn", func(c *rpc.ClientConfig) {
			c.TLS.GetClientCertificate = foreign.GetClientCertificate
		}), methodPublic, valid())
		if fault.KindOf(err) != fault.Unavailable {
			t.Errorf("call = %v, want a failed handshake", err)
		}
	})
	t.Run("TLS 1.2", func(t *testing.T) {
		s := newSuite(t, &handlers{do: accept}, nil)
		cfg := certs.ClientTLS(material(t, s.certs, "authn"), "risk")
		cfg.MinVersion, cfg.MaxVersion = tls.VersionTLS12, tls.VersionTLS12
		conn, err := (&tls.Dialer{Config: cfg}).DialContext(t.Context(), "tcp", s.server.Addr().String())
		if err == nil {
			_ = conn.Close()
			t.Error("a TLS 1.2 handshake succeeded")
		}
	})
}

func TestOversizeMessagesAreRefused(t *testing.T) {
	s := newSuite(t, &handlers{do: accept, watch: func(_ *request, ss grpc.ServerStream) error {
		return ss.SendMsg(&request{DeliveryId: strings.Repeat("x", 5<<20)})
	}}, nil)
	ours := s.dial(t, "authn", nil)
	large := &request{DeliveryId: strings.Repeat("x", 1<<20)}
	for name, err := range map[string]error{
		"sent by our client": call(t.Context(), ours, methodDo, large),
		"sent by another":    call(t.Context(), plainClient(t, s), methodDo, large),
		"answered":           watch(t.Context(), ours, valid()).RecvMsg(new(request)),
	} {
		if status.Code(err) != codes.ResourceExhausted && fault.KindOf(err) != fault.Exhausted {
			t.Errorf("%s: %v, want RESOURCE_EXHAUSTED", name, err)
		}
	}
}

func TestARequestThatNeverEndsIsCutOff(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.CallTimeout = 50 * time.Millisecond })
	// A client stream, to keep grpc from sending the end of the request.
	stream, err := plainClient(t, s).NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, methodDo)
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(request)); status.Code(err) != codes.DeadlineExceeded {
		t.Errorf("the call ended with %v, want DEADLINE_EXCEEDED", err)
	}
}

func TestHealthFollowsTheService(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, nil)
	client := healthpb.NewHealthClient(s.dial(t, "notify", nil))
	for _, serving := range []bool{false, true, false} {
		s.server.SetServing(serving)
		resp, err := client.Check(t.Context(), &healthpb.HealthCheckRequest{})
		if err != nil {
			t.Fatal(err)
		}
		if got := resp.GetStatus() == healthpb.HealthCheckResponse_SERVING; got != serving {
			t.Errorf("serving = %v, want %v", got, serving)
		}
		want := "# HELP doorward_serving 1 while health checks are told that the service can work, else 0.\n# TYPE doorward_serving gauge\n" +
			map[bool]string{true: "doorward_serving{service=\"risk\"} 1\n", false: "doorward_serving{service=\"risk\"} 0\n"}[serving]
		if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), "doorward_serving"); err != nil {
			t.Error(err)
		}
	}
}

// To a server behind a proxy or NAT a stranger and the balancer are one network.
func TestAStrangerDoesntUseUpHealthChecksOfWhoeverHasACertificate(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) {
		c.TLS.ClientAuth = tls.VerifyClientCertIfGiven
		frozen := time.Now()
		c.Now = func() time.Time { return frozen }
	})
	stranger := healthpb.NewHealthClient(s.dial(t, "authn", func(c *rpc.ClientConfig) { c.TLS.GetClientCertificate = nil }))
	var err error
	for range 100 {
		if _, err = stranger.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
			break
		}
	}
	if fault.ReasonOf(err) != typev1.Reason_REASON_RATE_LIMITED {
		t.Fatalf("the stranger's checks end with %v, want RATE_LIMITED", err)
	}
	balancer := healthpb.NewHealthClient(s.dial(t, "authn", nil))
	if _, err := balancer.Check(t.Context(), &healthpb.HealthCheckRequest{}); err != nil {
		t.Errorf("the balancer's check: %v", err)
	}
}

func TestReflectionIsOffUnlessAskedFor(t *testing.T) {
	for _, on := range []bool{false, true} {
		s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.Reflection = on })
		_, has := s.server.GetServiceInfo()["grpc.reflection.v1.ServerReflection"]
		if has != on {
			t.Errorf("reflection = %v, want %v", has, on)
		}
		missing := access.Missing(s.server.Table(), s.server.GetServiceInfo())
		if len(missing) != 1 { // methodForgotten
			t.Errorf("reflection %v: methods without a row: %v", on, missing)
		}
	}
}

func TestStopFinishesCallsInFlightAndEndsStreams(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	s := newSuite(t, &handlers{
		do: func(context.Context, *request) error {
			close(entered)
			<-release
			return nil
		},
		watch: func(_ *request, ss grpc.ServerStream) error {
			if err := ss.SendMsg(valid()); err != nil {
				return err
			}
			<-ss.Context().Done()
			return ss.Context().Err()
		},
	}, nil)
	conn := s.dial(t, "authn", nil)
	stream := watch(t.Context(), conn, valid())
	if err := stream.RecvMsg(new(request)); err != nil {
		t.Fatal(err)
	}
	answered := make(chan error, 1)
	go func() { answered <- call(t.Context(), conn, methodDo, valid()) }()
	<-entered

	stopped := make(chan struct{})
	go func() { s.stop(); close(stopped) }()

	if err := stream.RecvMsg(new(request)); fault.ReasonOf(err) != typev1.Reason_REASON_UNAVAILABLE {
		t.Errorf("stream = %v, want UNAVAILABLE", err)
	}
	close(release)
	if err := <-answered; err != nil {
		t.Errorf("the call in flight: %v", err)
	}
	<-stopped
}

func TestStopIsBounded(t *testing.T) {
	entered := make(chan struct{})
	s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
		close(entered)
		<-ctx.Done()
		return ctx.Err()
	}}, func(c *rpc.ServerConfig) { c.StopGrace = 10 * time.Millisecond })
	conn := s.dial(t, "authn", nil)
	answered := make(chan error, 1)
	go func() { answered <- call(t.Context(), conn, methodDo, valid()) }()
	<-entered
	s.stop()
	if err := <-answered; err == nil {
		t.Error("a call that was cut off succeeded")
	}
	if !strings.Contains(s.log.String(), "calls in flight were cut off") {
		t.Errorf("the log doesn't say so: %s", s.log)
	}
}

func TestStopBeforeTheFirstCallIsNoFailure(t *testing.T) {
	for range 50 {
		newSuite(t, &handlers{do: accept}, nil).stop() // fails the test when Run returns an error
	}
}

func TestNewServerRefusesWeakTLSAndGaps(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, nil)
	good := func() rpc.ServerConfig {
		return rpc.ServerConfig{
			Name: "risk", Address: "127.0.0.1:0", TLS: certs.ServerTLS(material(t, s.certs, "risk"), certs.ServicesOnly),
			Table: table(), Authenticate: rpc.MTLSOnly, Logger: discard, Registerer: prometheus.NewRegistry(), Now: time.Now,
		}
	}
	tests := map[string]func(*rpc.ServerConfig){
		"no TLS":           func(c *rpc.ServerConfig) { c.TLS = nil },
		"TLS 1.2":          func(c *rpc.ServerConfig) { c.TLS.MinVersion = tls.VersionTLS12 },
		"unverified certs": func(c *rpc.ServerConfig) { c.TLS.ClientAuth = tls.RequireAnyClientCert },
		"no certs":         func(c *rpc.ServerConfig) { c.TLS.ClientAuth = tls.NoClientCert },
		"the system's CAs": func(c *rpc.ServerConfig) { c.TLS.ClientCAs = nil },
		"a config per client": func(c *rpc.ServerConfig) {
			c.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
		},
		"no table":             func(c *rpc.ServerConfig) { c.Table = nil },
		"an incomplete table":  func(c *rpc.ServerConfig) { c.Table[methodForgotten] = access.Rule{Callers: access.Operator} },
		"no authenticator":     func(c *rpc.ServerConfig) { c.Authenticate = nil },
		"no logger":            func(c *rpc.ServerConfig) { c.Logger = nil },
		"no registerer":        func(c *rpc.ServerConfig) { c.Registerer = nil },
		"no clock":             func(c *rpc.ServerConfig) { c.Now = nil },
		"no name":              func(c *rpc.ServerConfig) { c.Name = "" },
		"a port that is taken": func(c *rpc.ServerConfig) { c.Address = s.server.Addr().String() },
	}
	for name, change := range tests {
		t.Run(name, func(t *testing.T) {
			cfg := good()
			change(&cfg)
			server, err := rpc.NewServer(t.Context(), cfg)
			if err == nil {
				server.Close()
				t.Error("NewServer took it")
			}
		})
	}
	t.Run("a closed server frees its port", func(t *testing.T) {
		server, err := rpc.NewServer(t.Context(), good())
		if err != nil {
			t.Fatal(err)
		}
		server.Close()
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Addr().String())
		if err == nil {
			_ = conn.Close()
			t.Error("somebody still listens")
		}
	})
}

// watch opens the stream; what goes wrong shows in RecvMsg.
func watch(ctx context.Context, conn *grpc.ClientConn, req *request) grpc.ClientStream {
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true}, methodWatch)
	if err != nil {
		return brokenStream{err: err}
	}
	if err := stream.SendMsg(req); err != nil && !errors.Is(err, io.EOF) {
		return brokenStream{err: err}
	}
	if err := stream.CloseSend(); err != nil {
		return brokenStream{err: err}
	}
	return stream
}

type brokenStream struct {
	grpc.ClientStream
	err error
}

func (s brokenStream) RecvMsg(any) error { return s.err }
