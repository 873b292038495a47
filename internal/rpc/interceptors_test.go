package rpc_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// planted is what must not reach a caller.
const planted = "pq: duplicate key value 10.0.0.7"

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
