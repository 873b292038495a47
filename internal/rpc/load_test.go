package rpc_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
)

// crowd is a server whose calls stay until they are let go.
type crowd struct {
	*suite
	t       *testing.T
	conn    *grpc.ClientConn
	entered chan struct{}
	letGo   chan struct{}
	answers chan error
	asked   atomic.Int64 // how often somebody was asked who they are
}

func newCrowd(t *testing.T, limits rpc.Limits) *crowd {
	t.Helper()
	c := &crowd{t: t, entered: make(chan struct{}, 100), letGo: make(chan struct{}), answers: make(chan error, 100)}
	c.suite = newSuite(t, &handlers{
		do: func(ctx context.Context, _ *request) error {
			c.entered <- struct{}{}
			select {
			case <-c.letGo:
				return nil
			case <-ctx.Done():
				return ctx.Err()
			}
		},
		watch: func(_ *request, ss grpc.ServerStream) error {
			c.entered <- struct{}{}
			<-ss.Context().Done()
			return ss.Context().Err()
		},
	}, func(cfg *rpc.ServerConfig) {
		cfg.Limits = limits
		cfg.Authenticate = func(ctx context.Context) (access.Principal, error) {
			c.asked.Add(1)
			return rpc.MTLSOnly(ctx)
		}
	})
	c.conn = c.dial(t, "authn", nil)
	return c
}

// stay makes calls that are in flight when it returns.
func (c *crowd) stay(method string, calls int) {
	c.t.Helper()
	for range calls {
		go func() { c.answers <- call(c.t.Context(), c.conn, method, valid()) }()
		<-c.entered
	}
}

// leave lets n calls in flight go.
func (c *crowd) leave(n int) {
	c.t.Helper()
	for range n {
		c.letGo <- struct{}{}
		if err := <-c.answers; err != nil {
			c.t.Errorf("a call in flight: %v", err)
		}
	}
}

// shed checks that there is no room for a call.
func (c *crowd) shed(method string, retry time.Duration) {
	c.t.Helper()
	before := c.asked.Load()
	err := call(c.t.Context(), c.conn, method, valid())
	if fault.KindOf(err) != fault.Exhausted || fault.ReasonOf(err) != typev1.Reason_REASON_OVERLOADED {
		c.t.Errorf("%s: %v, want RESOURCE_EXHAUSTED, OVERLOADED", method, err)
	}
	if got := fault.RetryAfterOf(err); got != retry {
		c.t.Errorf("%s: retry after %v, want %v", method, got, retry)
	}
	if c.asked.Load() != before {
		c.t.Errorf("%s: somebody was asked who they are for a call that is refused", method)
	}
}

func TestLowerPrioritiesAreRefusedFirst(t *testing.T) {
	c := newCrowd(t, rpc.Limits{MaxCalls: 8})
	c.stay(methodLater, 4)
	c.shed(methodLater, 5*time.Second)
	c.stay(methodDo, 2)
	c.shed(methodDo, 2*time.Second)
	c.shed(methodLater, 5*time.Second)
	c.stay(methodPublic, 2)
	c.shed(methodPublic, time.Second)

	want := `
# HELP doorward_rpc_calls_in_flight Calls in flight, by priority and kind.
# TYPE doorward_rpc_calls_in_flight gauge
doorward_rpc_calls_in_flight{kind="stream",priority="deferrable",service="risk"} 0
doorward_rpc_calls_in_flight{kind="stream",priority="interactive",service="risk"} 0
doorward_rpc_calls_in_flight{kind="stream",priority="vital",service="risk"} 0
doorward_rpc_calls_in_flight{kind="unary",priority="deferrable",service="risk"} 4
doorward_rpc_calls_in_flight{kind="unary",priority="interactive",service="risk"} 2
doorward_rpc_calls_in_flight{kind="unary",priority="vital",service="risk"} 2
# HELP doorward_rpc_calls_shed_total Calls refused because too many were in flight, by priority.
# TYPE doorward_rpc_calls_shed_total counter
doorward_rpc_calls_shed_total{priority="deferrable",service="risk"} 2
doorward_rpc_calls_shed_total{priority="interactive",service="risk"} 1
doorward_rpc_calls_shed_total{priority="vital",service="risk"} 1
`
	err := testutil.GatherAndCompare(c.metrics, strings.NewReader(want), "doorward_rpc_calls_in_flight", "doorward_rpc_calls_shed_total")
	if err != nil {
		t.Error(err)
	}

	c.leave(8)
	c.stay(methodLater, 1) // there is room again
	c.leave(1)
}

func TestShedCallsShareALine(t *testing.T) {
	c := newCrowd(t, rpc.Limits{MaxCalls: 4})
	c.stay(methodLater, 2)
	for range 20 {
		c.shed(methodLater, 5*time.Second)
	}
	c.leave(2)
	c.suite.stop()
	if got := strings.Count(c.log.String(), "too many calls in flight: calls are refused"); got < 1 || got > 10 {
		t.Errorf("the log has %d lines, want one a second", got)
	}
	if strings.Contains(c.log.String(), "call failed") {
		t.Errorf("a call that was shed has a line of its own: %s", c.log)
	}
}

func TestAPlaceComesBackHoweverACallEnds(t *testing.T) {
	ends := map[string]func(context.Context, *request) error{
		"an error": func(context.Context, *request) error { return context.Canceled },
		"a panic":  func(context.Context, *request) error { panic("no") },
	}
	for name, do := range ends {
		t.Run(name, func(t *testing.T) {
			s := newSuite(t, &handlers{do: do}, func(c *rpc.ServerConfig) { c.Limits.MaxCalls = 4 })
			conn := s.dial(t, "authn", nil)
			for range 10 {
				if err := call(t.Context(), conn, methodDo, valid()); fault.ReasonOf(err) == typev1.Reason_REASON_OVERLOADED {
					t.Fatalf("a place was lost: %v", err)
				}
			}
		})
	}
	t.Run("a refusal", func(t *testing.T) {
		s := newSuite(t, &handlers{do: accept}, func(c *rpc.ServerConfig) { c.Limits.MaxCalls = 4 })
		for range 10 {
			err := call(t.Context(), s.dial(t, "notify", nil), methodDo, valid())
			if fault.ReasonOf(err) != typev1.Reason_REASON_CALLER_NOT_ALLOWED {
				t.Fatalf("call = %v, want CALLER_NOT_ALLOWED", err)
			}
		}
	})
}

func TestStreamsHaveRoomOfTheirOwn(t *testing.T) {
	c := newCrowd(t, rpc.Limits{MaxCalls: 4, MaxStreams: 4})
	for range 3 {
		watch(t.Context(), c.conn, valid())
		<-c.entered
	}
	err := watch(t.Context(), c.conn, valid()).RecvMsg(new(request))
	if fault.ReasonOf(err) != typev1.Reason_REASON_OVERLOADED {
		t.Errorf("a fourth stream: %v, want OVERLOADED", err)
	}
	c.stay(methodDo, 3)
	c.leave(3)
}
