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
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// planted is what must not reach a caller.
const planted = "pq: duplicate key value 10.0.0.7"

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

func TestMethodWithoutARowIsRefusedAndLogged(t *testing.T) {
	s := newSuite(t, &handlers{do: func(context.Context, *request) error {
		t.Error("the handler ran")
		return nil
	}}, func(c *rpc.ServerConfig) {
		c.Authenticate = func(context.Context) (access.Principal, error) {
			t.Error("somebody was asked who they are")
			return access.Principal{}, nil
		}
	})
	err := call(t.Context(), s.dial(t, "authn", nil), methodForgotten, valid())
	if fault.KindOf(err) != fault.Denied || fault.ReasonOf(err) != typev1.Reason_REASON_ACCESS_ROW_MISSING {
		t.Errorf("call = %v, want PERMISSION_DENIED, ACCESS_ROW_MISSING", err)
	}
	for _, want := range []string{"method has no access row and will be refused", "method without an access row was called"} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %q", want)
		}
	}
	if diff := access.Missing(s.server.Table(), s.server.GetServiceInfo()); len(diff) != 1 || diff[0] != methodForgotten {
		t.Errorf("Missing = %v, want the forgotten method alone", diff)
	}
}

func TestInvalidRequestsNameTheirFieldsAndNotTheirValues(t *testing.T) {
	s := newSuite(t, &handlers{
		do:    func(context.Context, *request) error { t.Error("the handler ran"); return nil },
		watch: func(*request, grpc.ServerStream) error { t.Error("the stream's handler ran"); return nil },
	}, nil)
	conn := s.dial(t, "authn", nil)
	bad := &request{DeliveryId: "", ContainToken: strings.Repeat("hunter2", 40)}

	check := func(t *testing.T, err error) {
		t.Helper()
		f, ok := fault.As(err)
		if !ok || f.Kind != fault.Invalid || f.Reason != typev1.Reason_REASON_INVALID_FIELD {
			t.Fatalf("call = %v, want INVALID_FIELD", err)
		}
		var names []string
		for _, field := range f.Fields {
			names = append(names, field.Name)
			if field.Problem == "" || strings.Contains(field.Problem, "hunter2") {
				t.Errorf("%s: problem = %q", field.Name, field.Problem)
			}
		}
		if got := strings.Join(names, " "); got != "delivery_id contain_token" {
			t.Errorf("fields = %q", got)
		}
	}
	t.Run("unary", func(t *testing.T) { check(t, call(t.Context(), conn, methodDo, bad)) })
	t.Run("stream", func(t *testing.T) { check(t, watch(t.Context(), conn, bad).RecvMsg(new(request))) })
	if strings.Contains(s.log.String(), "hunter2") {
		t.Error("the value is in the log")
	}
}

func TestFailuresAnswerSafelyAndTheLogKnowsWhy(t *testing.T) {
	tests := []struct {
		name   string
		do     func(context.Context, *request) error
		code   codes.Code
		inLog  string
		silent string // must not be in the log either
	}{
		{"driver error", func(context.Context, *request) error { return errors.New(planted) }, codes.Internal, planted, ""},
		{
			"fault with a cause", func(context.Context, *request) error {
				return fault.New(fault.NotFound, typev1.Reason_REASON_NOT_FOUND, "No such thing.").Because(errors.New(planted))
			}, codes.NotFound, planted, "",
		},
		{"panic with a value", func(context.Context, *request) error { panic(planted) }, codes.Internal, "a value of type string", planted},
		{"panic of the runtime", func(context.Context, *request) error {
			none := []*handlers{nil}
			return none[0].do(nil, nil)
		}, codes.Internal, "nil pointer", ""},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSuite(t, &handlers{do: tt.do, watch: func(r *request, ss grpc.ServerStream) error { return tt.do(ss.Context(), r) }}, nil)
			conn := s.dial(t, "authn", func(c *rpc.ClientConfig) { c.BareStatus = true })
			for kind, err := range map[string]error{
				"unary":  call(t.Context(), conn, methodDo, valid()),
				"stream": watch(t.Context(), conn, valid()).RecvMsg(new(request)),
			} {
				got := status.Convert(err)
				if got.Code() != tt.code {
					t.Errorf("%s: code = %v, want %v", kind, got.Code(), tt.code)
				}
				if strings.Contains(got.Proto().String(), "10.0.0.7") {
					t.Errorf("%s: the cause is on the wire: %v", kind, got.Proto())
				}
			}
			s.stop() // so that every line is written
			if !strings.Contains(s.log.String(), tt.inLog) {
				t.Errorf("the log lacks %q: %s", tt.inLog, s.log)
			}
			if tt.silent != "" && strings.Contains(s.log.String(), tt.silent) {
				t.Errorf("the panic's value is in the log: %s", s.log)
			}
		})
	}
}

func TestLogHasFailuresAndSlowCallsOnly(t *testing.T) {
	now := time.Now()
	clock := func() time.Time { return now }
	s := newSuite(t, &handlers{do: func(_ context.Context, r *request) error {
		if r.GetDeliveryId() == "slow" {
			now = now.Add(300 * time.Millisecond)
		}
		return nil
	}}, func(c *rpc.ServerConfig) { c.Now = clock })
	conn := s.dial(t, "authn", nil)
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.log.String(), methodDo) {
		t.Errorf("a quick call that succeeded was logged: %s", s.log)
	}
	if err := call(t.Context(), conn, methodDo, &request{DeliveryId: "slow", ContainToken: "t"}); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if !strings.Contains(s.log.String(), "call was slow") || !strings.Contains(s.log.String(), `"id":"authn"`) {
		t.Errorf("the slow call and its caller aren't in the log: %s", s.log)
	}
}

func TestCallThatIsSlowByDesignIsNotLogged(t *testing.T) {
	now := time.Now()
	takes := 900 * time.Millisecond
	s := newSuite(t, &handlers{do: func(context.Context, *request) error {
		now = now.Add(takes)
		return nil
	}}, func(c *rpc.ServerConfig) {
		c.Now = func() time.Time { return now }
		c.SlowByDesign = map[string]func() time.Duration{methodDo: func() time.Duration { return time.Second }}
	})
	conn := s.dial(t, "authn", nil)
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(s.log.String(), "call was slow") {
		t.Errorf("it was logged: %s", s.log)
	}
	takes = 1100 * time.Millisecond
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		t.Fatal(err)
	}
	s.stop()
	if !strings.Contains(s.log.String(), "call was slow") {
		t.Errorf("one that was slower than that isn't in the log: %s", s.log)
	}
}

func TestMetricsCountRefusals(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, nil)
	_ = call(t.Context(), s.dial(t, "authn", nil), methodDo, valid())
	_ = call(t.Context(), s.dial(t, "notify", nil), methodDo, valid())
	s.stop()
	want := `
# HELP doorward_rpc_calls_total Calls answered, by method and gRPC code.
# TYPE doorward_rpc_calls_total counter
doorward_rpc_calls_total{code="OK",method="/test.v1.Test/Do",service="risk"} 1
doorward_rpc_calls_total{code="PermissionDenied",method="/test.v1.Test/Do",service="risk"} 1
`
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), "doorward_rpc_calls_total"); err != nil {
		t.Error(err)
	}
	want = `
# HELP doorward_rpc_failures_total Calls that failed, by the reason that the caller was given.
# TYPE doorward_rpc_failures_total counter
doorward_rpc_failures_total{reason="REASON_CALLER_NOT_ALLOWED",service="risk"} 1
`
	if err := testutil.GatherAndCompare(s.metrics, strings.NewReader(want), "doorward_rpc_failures_total"); err != nil {
		t.Error(err)
	}
}

func TestRequestIDComesInAndGoesBack(t *testing.T) {
	s := newSuite(t, &handlers{do: func(context.Context, *request) error { return errors.New(planted) }}, nil)
	conn := s.dial(t, "authn", nil)
	tests := map[string]struct {
		given string
		kept  bool
	}{
		"well-formed":   {"req-12345678", true},
		"none":          {"", false},
		"not an id":     {"a b c d e f g h", false},
		"far too long":  {strings.Repeat("a", 65), false},
		"far too short": {"a", false},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if tt.given != "" {
				ctx = metadata.AppendToOutgoingContext(ctx, "x-request-id", tt.given)
			}
			var header metadata.MD
			err := call(ctx, conn, methodDo, valid(), grpc.Header(&header))
			got := header.Get("x-request-id")
			if len(got) != 1 || (got[0] == tt.given) != tt.kept {
				t.Fatalf("answered id = %q, given %q", got, tt.given)
			}
			if f, ok := fault.As(err); !ok || f.Metadata["request_id"] != got[0] {
				t.Errorf("the error's request id = %v, want %q", f, got[0])
			}
			if !strings.Contains(s.log.String(), got[0]) {
				t.Errorf("the log lacks the id %q", got[0])
			}
		})
	}
}

func TestEveryUnaryCallHasADeadline(t *testing.T) {
	tests := []struct {
		name        string
		client      time.Duration // zero: none
		least, most time.Duration
	}{
		{"none given", 0, 2 * time.Second, 3 * time.Second},
		{"a short one", time.Second, 0, time.Second},
		{"a day", 24 * time.Hour, 50 * time.Second, time.Minute},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var left time.Duration
			s := newSuite(t, &handlers{do: func(ctx context.Context, _ *request) error {
				deadline, ok := ctx.Deadline()
				if !ok {
					t.Error("no deadline")
				}
				left = time.Until(deadline)
				return nil
			}}, func(c *rpc.ServerConfig) { c.CallTimeout = 3 * time.Second })
			// A plain client: ours always sends a deadline.
			conn := plainClient(t, s)
			ctx := t.Context()
			if tt.client > 0 {
				var cancel context.CancelFunc
				ctx, cancel = context.WithTimeout(ctx, tt.client)
				defer cancel()
			}
			if err := call(ctx, conn, methodDo, valid()); err != nil {
				t.Fatal(err)
			}
			if left < tt.least || left > tt.most {
				t.Errorf("the handler had %v, want between %v and %v", left, tt.least, tt.most)
			}
		})
	}
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
