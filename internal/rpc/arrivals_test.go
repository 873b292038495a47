package rpc_test

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	reflectionpb "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// With these, 16 requests may be on their way, 12 of callers without a certificate and 2 of those from one address.
var narrow = rpc.Limits{MaxCalls: 4, MaxStreams: 4}

// halves begins requests of which only the head ever comes, with a deadline far away.
func halves(ctx context.Context, t *testing.T, conn *grpc.ClientConn, n int) []grpc.ClientStream {
	t.Helper()
	var begun []grpc.ClientStream
	for range n {
		// A client stream, to keep grpc from sending the end of the request.
		stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true}, methodDo)
		if err != nil {
			t.Fatal(err)
		}
		begun = append(begun, stream)
	}
	return begun
}

// stranger connects from an address of this machine, without a certificate.
func (s *suite) stranger(t *testing.T, from string) *grpc.ClientConn {
	t.Helper()
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(from)}}
	cfg := certs.ClientTLS(material(t, s.certs, "authn"), "risk")
	cfg.GetClientCertificate = nil
	conn, err := grpc.NewClient(s.server.Addr().String(), grpc.WithTransportCredentials(credentials.NewTLS(cfg)),
		grpc.WithContextDialer(func(ctx context.Context, address string) (net.Conn, error) {
			return dialer.DialContext(ctx, "tcp", address)
		}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// public makes a call that needs no credentials, so that whoever is refused was refused at the first byte.
func public(t *testing.T, conn *grpc.ClientConn) error {
	t.Helper()
	return call(t.Context(), conn, methodPublic, valid())
}

func forAnyone(c *rpc.ServerConfig) {
	c.Limits = narrow
	c.TLS.ClientAuth = tls.VerifyClientCertIfGiven
}

// A request of which only the head ever comes costs the server as much as a call, and nobody has to be let in for it.
func TestRequestsThatNeverComeWholeAreBounded(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.Limits = narrow })
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	for range 2 { // one connection has half of the places
		conn, err := s.connect(t, "127.0.0.1")
		if err != nil {
			t.Fatal(err)
		}
		halves(ctx, t, conn, 8)
	}
	var err error
	if !eventually(t, func() bool { _, err = s.connect(t, "127.0.0.2"); return err != nil }) {
		t.Fatal("a call is let in, though all places are taken by halves of requests")
	}
	if fault.ReasonOf(fault.FromStatus(err)) != typev1.Reason_REASON_OVERLOADED {
		t.Errorf("refused with %v", err)
	}
	if open := s.metric(t, "doorward_rpc_requests_open", ""); open < 16 {
		t.Errorf("%v requests are open by the metrics, want the halves of 16", open)
	}
	if refused := s.metric(t, "doorward_rpc_requests_refused_total", "server"); refused == 0 {
		t.Error("no refusal was counted")
	}
	hangUp()
	if !eventually(t, func() bool { _, err = s.connect(t, "127.0.0.2"); return err == nil }) {
		t.Errorf("the places stay taken after their callers hung up: %v", err)
	}
}

func TestAStrangersAddressTakesItsShareAndNoMore(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, forAnyone)
	for _, from := range []string{"127.0.0.1", "127.0.0.2"} {
		conn := s.stranger(t, from)
		if err := public(t, conn); err != nil {
			t.Fatal(err)
		}
		halves(t.Context(), t, conn, 2)
		if !eventually(t, func() bool { return public(t, conn) != nil }) {
			t.Fatalf("%s begins as many requests as it likes", from)
		}
		other := s.stranger(t, from) // a second connection helps nobody
		if err := public(t, other); fault.ReasonOf(fault.FromStatus(err)) != typev1.Reason_REASON_OVERLOADED {
			t.Errorf("a second connection from %s: %v, want OVERLOADED", from, err)
		}
	}
	if err := public(t, s.stranger(t, "127.0.0.3")); err != nil {
		t.Errorf("two addresses keep a third out: %v", err)
	}
	if refused := s.metric(t, "doorward_rpc_requests_refused_total", "address"); refused < 2 {
		t.Errorf("%v refusals are counted for their address, want those of both", refused)
	}
	if !strings.Contains(s.log.String(), `"bound":"address","network":"127.0.0.1/32"`) {
		t.Errorf("the log doesn't say whom: %s", s.log)
	}
}

func TestStrangersLeaveRoomForWhoeverHasACertificate(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, forAnyone)
	for _, from := range []string{"127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.5", "127.0.0.6"} {
		conn := s.stranger(t, from)
		halves(t.Context(), t, conn, 2)
		if !eventually(t, func() bool { return public(t, conn) != nil }) {
			t.Fatalf("%s has more than its share", from)
		}
	}
	if err := public(t, s.stranger(t, "127.0.0.7")); fault.ReasonOf(fault.FromStatus(err)) != typev1.Reason_REASON_OVERLOADED {
		t.Errorf("a stranger whose like have all their places: %v, want OVERLOADED", err)
	}
	if refused := s.metric(t, "doorward_rpc_requests_refused_total", "strangers"); refused == 0 {
		t.Error("no refusal of the strangers' bound was counted")
	}
	if _, err := s.connect(t, "127.0.0.1"); err != nil {
		t.Errorf("a service at the address of one of them: %v", err)
	}
}

func TestARequestHasSecondsToComeWholeWhateverItsDeadline(t *testing.T) {
	var ran atomic.Int64
	s := newSuite(t, &handlers{
		do:    func(context.Context, *request) error { ran.Add(1); return nil },
		watch: func(*request, grpc.ServerStream) error { ran.Add(1); return nil },
	}, func(c *rpc.ServerConfig) { c.ArrivalTimeout = 100 * time.Millisecond })
	ctx, hangUp := context.WithTimeout(t.Context(), 50*time.Second)
	defer hangUp()
	conn := plainClient(t, s)
	for method, stream := range map[string]grpc.ClientStream{
		"unary":  halves(ctx, t, conn, 1)[0],
		"stream": silent(ctx, t, conn),
	} {
		if err := stream.RecvMsg(new(request)); status.Code(err) != codes.DeadlineExceeded {
			t.Errorf("%s: the call ended with %v, want DEADLINE_EXCEEDED", method, err)
		}
		_ = stream.SendMsg(valid()) // the rest comes after all
		_ = stream.CloseSend()
	}
	if ctx.Err() != nil {
		t.Fatal("nothing but the caller's own deadline ended them")
	}
	if open := s.metric(t, "doorward_rpc_requests_open", ""); open != 0 {
		t.Errorf("%v places are still taken", open)
	}
	if overdue := s.metric(t, "doorward_rpc_requests_overdue_total", ""); overdue != 2 {
		t.Errorf("%v requests are counted as overdue, want 2", overdue)
	}
	if err := public(t, conn); err != nil { // on the same connection, behind the rest
		t.Fatal(err)
	}
	s.stop()
	if got := ran.Load(); got != 1 {
		t.Errorf("%d handlers ran, want the last call's alone", got)
	}
}

// silent opens the stream and never says what it wants.
func silent(ctx context.Context, t *testing.T, conn *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ClientStreams: true, ServerStreams: true}, methodWatch)
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestACallMayTakeLongerThanItsRequest(t *testing.T) {
	const toArrive, toWork = 50 * time.Millisecond, 300 * time.Millisecond
	work := func(ctx context.Context) error {
		done := time.NewTimer(toWork)
		defer done.Stop()
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-done.C:
			return nil
		}
	}
	s := newSuite(t, &handlers{
		do: func(ctx context.Context, _ *request) error { return work(ctx) },
		watch: func(_ *request, ss grpc.ServerStream) error {
			if err := work(ss.Context()); err != nil {
				return err
			}
			return ss.SendMsg(valid())
		},
	}, func(c *rpc.ServerConfig) { c.ArrivalTimeout = toArrive })
	conn := s.dial(t, "authn", nil)
	if err := call(t.Context(), conn, methodDo, valid()); err != nil {
		t.Errorf("unary: %v", err)
	}
	if err := watch(t.Context(), conn, valid()).RecvMsg(new(request)); err != nil {
		t.Errorf("stream: %v", err)
	}
	if open := s.metric(t, "doorward_rpc_requests_open", ""); open != 0 {
		t.Errorf("%v requests are still on their way", open)
	}
}

// A stream's request is whole with its first message; what follows isn't timed.
func TestAStreamMayGoOnSpeaking(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.Reflection = true })
	stream, err := reflectionpb.NewServerReflectionClient(s.dial(t, "authn", nil)).ServerReflectionInfo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for range 3 {
		ask := &reflectionpb.ServerReflectionRequest{MessageRequest: &reflectionpb.ServerReflectionRequest_ListServices{}}
		if err := stream.Send(ask); err != nil {
			t.Fatal(err)
		}
		if _, err := stream.Recv(); err != nil {
			t.Fatalf("a further message: %v", err)
		}
	}
}

// What gRPC answers by itself gives its place back too.
func TestARequestForNothingKeepsNoPlace(t *testing.T) {
	s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) {
		forAnyone(c)
		c.ArrivalTimeout = 50 * time.Millisecond
	})
	conn := s.stranger(t, "127.0.0.1")
	for range 40 {
		if err := call(t.Context(), conn, "/test.v1.Test/None", valid()); err == nil {
			t.Fatal("a method that doesn't exist was served")
		}
	}
	if !eventually(t, func() bool { return s.metric(t, "doorward_rpc_requests_open", "") == 0 }) {
		t.Error("their places stay taken")
	}
	if overdue := s.metric(t, "doorward_rpc_requests_overdue_total", ""); overdue != 0 {
		t.Errorf("%v of them are counted as overdue", overdue)
	}
}

// metric is the value of a counter or gauge, of the series that has the bound or of the only one.
func (s *suite) metric(t *testing.T, name, bound string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() != name {
			continue
		}
		for _, series := range family.GetMetric() {
			has := bound == ""
			for _, label := range series.GetLabel() {
				has = has || label.GetName() == "bound" && label.GetValue() == bound
			}
			if has {
				return series.GetCounter().GetValue() + series.GetGauge().GetValue()
			}
		}
	}
	t.Fatalf("there is no %s", name)
	return 0
}

// eventually asks until the answer is yes, or for long enough.
func eventually(t *testing.T, holds func() bool) bool {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for !holds() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
