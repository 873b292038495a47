package riskclient_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/riskclient"
)

// risk answers as the test says, the way a connection of package rpc does: errors are faults.
type risk struct {
	asked  int
	last   *riskv1.AssessRequest
	answer func(context.Context) (*riskv1.AssessResponse, error)

	// The challenge it makes, what comes of solutions, and what it was asked.
	made    *typev1.Challenge
	fared   riskv1.Redemption
	issued  *riskv1.IssueChallengeRequest
	offered *riskv1.RedeemSolutionRequest
}

func (r *risk) Assess(ctx context.Context, req *riskv1.AssessRequest, _ ...grpc.CallOption) (*riskv1.AssessResponse, error) {
	r.asked++
	r.last = req
	response, err := r.answer(ctx)
	if err != nil {
		return nil, fault.FromStatus(err)
	}
	return response, nil
}

func answers(response *riskv1.AssessResponse) func(context.Context) (*riskv1.AssessResponse, error) {
	return func(context.Context) (*riskv1.AssessResponse, error) { return response, nil }
}

func fails(code codes.Code) func(context.Context) (*riskv1.AssessResponse, error) {
	return func(context.Context) (*riskv1.AssessResponse, error) { return nil, status.Error(code, "") }
}

// hangs answers when the call's context has ended.
func hangs(ctx context.Context) (*riskv1.AssessResponse, error) {
	<-ctx.Done()
	return nil, status.FromContextError(ctx.Err()).Err()
}

func newClient(t *testing.T, r *risk) (*riskclient.Client, *prometheus.Registry) {
	t.Helper()
	metrics := prometheus.NewRegistry()
	c, err := riskclient.New(riskclient.Config{Risk: r, Challenges: r, Now: time.Now, Registerer: metrics})
	if err != nil {
		t.Fatal(err)
	}
	return c, metrics
}

var open = &riskv1.AssessResponse{Gate: riskv1.Gate_GATE_OPEN, Verdict: riskv1.Verdict_VERDICT_ALLOW}

func TestQuestionCarriesWhatTheFlowKnows(t *testing.T) {
	r := &risk{answer: answers(open)}
	c, _ := newClient(t, r)
	q := flow.Question{
		Purpose: attempt.SignIn, AttemptID: "att_1", UserID: "usr_1", AccountKey: [32]byte{1, 2, 3},
		IP: "192.0.2.1", UserAgent: "Firefox", KnownDevice: true,
	}
	if _, err := c.Assess(t.Context(), q); err != nil {
		t.Fatal(err)
	}
	want := &riskv1.AssessRequest{
		Purpose: riskv1.Purpose_PURPOSE_SIGN_IN, AttemptId: "att_1", UserId: "usr_1", AccountKey: q.AccountKey[:],
		Ip: "192.0.2.1", UserAgent: "Firefox", KnownDevice: true,
	}
	if !proto.Equal(want, r.last) {
		t.Errorf("asked %v, want %v", r.last, want)
	}
	q.Purpose = attempt.SignUp
	if _, err := c.Assess(t.Context(), q); err != nil || r.last.GetPurpose() != riskv1.Purpose_PURPOSE_SIGN_UP {
		t.Errorf("a sign-up is asked about as %v, %v", r.last.GetPurpose(), err)
	}
}

func TestJudgementIsTheDecision(t *testing.T) {
	c, _ := newClient(t, &risk{answer: answers(&riskv1.AssessResponse{
		DecisionId: "dec_1", Gate: riskv1.Gate_GATE_CHALLENGE, Verdict: riskv1.Verdict_VERDICT_REFUSE,
		Place: &typev1.Place{CountryCode: "DE", CountryName: "Germany"},
	})})
	got, err := c.Assess(t.Context(), flow.Question{})
	if err != nil {
		t.Fatal(err)
	}
	want := flow.Judgement{Gate: flow.GateChallenge, Assessment: attempt.Assessment{
		DecisionID: "dec_1", Verdict: attempt.Refuse, Country: "DE", CountryName: "Germany",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("judgement (-want +got):\n%s", diff)
	}
}

func TestWhatIsntUnderstoodLetsNobodyThrough(t *testing.T) {
	gates := map[riskv1.Gate]flow.Gate{riskv1.Gate_GATE_OPEN: flow.GateOpen, riskv1.Gate_GATE_CHALLENGE: flow.GateChallenge}
	for _, n := range append(numbers(riskv1.Gate(0)), 99) {
		got := assess(t, &riskv1.AssessResponse{Gate: riskv1.Gate(n)})
		if want := gates[riskv1.Gate(n)]; got.Gate != want { // GateBlock unless listed
			t.Errorf("gate %d = %v, want %v", n, got.Gate, want)
		}
	}
	verdicts := map[riskv1.Verdict]attempt.Verdict{
		riskv1.Verdict_VERDICT_ALLOW: attempt.Allow, riskv1.Verdict_VERDICT_REFUSE: attempt.Refuse,
	}
	for _, n := range append(numbers(riskv1.Verdict(0)), 99) {
		got := assess(t, &riskv1.AssessResponse{Verdict: riskv1.Verdict(n)})
		if want := verdicts[riskv1.Verdict(n)]; got.Assessment.Verdict != want { // VerifyDevice unless listed
			t.Errorf("verdict %d = %q, want %q", n, got.Assessment.Verdict, want)
		}
	}
}

func numbers(e protoreflect.Enum) []protoreflect.EnumNumber {
	var all []protoreflect.EnumNumber
	for i := range e.Descriptor().Values().Len() {
		all = append(all, e.Descriptor().Values().Get(i).Number())
	}
	return all
}

func assess(t *testing.T, response *riskv1.AssessResponse) flow.Judgement {
	t.Helper()
	c, _ := newClient(t, &risk{answer: answers(response)})
	got, err := c.Assess(t.Context(), flow.Question{})
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestRiskHasAQuarterOfASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newClient(t, &risk{answer: hangs})
		began := time.Now()
		_, err := c.Assess(t.Context(), flow.Question{})
		if took := time.Since(began); took != 250*time.Millisecond || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("answered after %v with %v, want a deadline after 250 ms", took, err)
		}
	})
}

// TestBreakerKeepsSignInFast: after five unanswered calls nobody waits any more, until one call finds risk again.
func TestBreakerKeepsSignInFast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &risk{answer: hangs}
		c, metrics := newClient(t, r)
		for range 5 {
			if _, err := c.Assess(t.Context(), flow.Question{}); errors.Is(err, riskclient.ErrDown) {
				t.Fatal("the breaker opened early")
			}
		}
		began := time.Now()
		for range 100 {
			if _, err := c.Assess(t.Context(), flow.Question{}); !errors.Is(err, riskclient.ErrDown) {
				t.Fatalf("err = %v, want ErrDown", err)
			}
		}
		if r.asked != 5 || time.Since(began) != 0 {
			t.Errorf("asked %d times and waited %v, want 5 and no time", r.asked, time.Since(began))
		}
		expectOpen(t, metrics, "1")

		time.Sleep(2 * time.Second)
		if _, err := c.Assess(t.Context(), flow.Question{}); errors.Is(err, riskclient.ErrDown) || r.asked != 6 {
			t.Errorf("no probe after two seconds: %v", err)
		}
		if _, err := c.Assess(t.Context(), flow.Question{}); !errors.Is(err, riskclient.ErrDown) {
			t.Errorf("a failed probe closed the breaker: %v", err)
		}

		time.Sleep(2 * time.Second)
		r.answer = answers(open)
		for range 2 {
			if got, err := c.Assess(t.Context(), flow.Question{}); err != nil || got.Gate != flow.GateOpen {
				t.Errorf("risk is back: %v, %v", got, err)
			}
		}
		expectOpen(t, metrics, "0")
	})
}

func expectOpen(t *testing.T, metrics *prometheus.Registry, value string) {
	t.Helper()
	want := strings.NewReader("# HELP doorward_authn_risk_breaker_open 1 while risk isn't asked because it didn't answer, else 0.\n" +
		"# TYPE doorward_authn_risk_breaker_open gauge\ndoorward_authn_risk_breaker_open " + value + "\n")
	if err := testutil.GatherAndCompare(metrics, want, "doorward_authn_risk_breaker_open"); err != nil {
		t.Error(err)
	}
}

func TestOneProbeAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &risk{answer: fails(codes.Unavailable)}
		c, _ := newClient(t, r)
		for range 5 {
			_, _ = c.Assess(t.Context(), flow.Question{})
		}
		time.Sleep(2 * time.Second)
		r.answer = hangs
		probe := make(chan error, 1)
		go func() {
			_, err := c.Assess(t.Context(), flow.Question{})
			probe <- err
		}()
		synctest.Wait() // the probe is under way
		if _, err := c.Assess(t.Context(), flow.Question{}); !errors.Is(err, riskclient.ErrDown) {
			t.Errorf("a second probe: %v", err)
		}
		if err := <-probe; errors.Is(err, riskclient.ErrDown) {
			t.Errorf("probe: %v", err)
		}
	})
}

// TestACallerWithoutTimeIsntTakenForRiskBeingDown: a sign-in goes on without risk only when it is risk that fails.
func TestACallerWithoutTimeIsntTakenForRiskBeingDown(t *testing.T) {
	for name, test := range map[string]struct {
		left   time.Duration // the caller's; none when 0
		noTime bool
	}{
		"a caller with no deadline":     {0, false},
		"a caller with time":            {time.Second, false},
		"a caller with less than risks": {100 * time.Millisecond, true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c, _ := newClient(t, &risk{answer: hangs})
				ctx, cancel := context.WithCancel(t.Context())
				if test.left > 0 {
					ctx, cancel = context.WithTimeout(t.Context(), test.left)
				}
				defer cancel()
				if _, err := c.Assess(ctx, flow.Question{}); err == nil || errors.Is(err, flow.ErrNoTime) != test.noTime {
					t.Errorf("err = %v; is it the caller's? want %v", err, test.noTime)
				}
			})
		})
	}
}

// TestWhatCallersProvokeDoesntOpenTheBreaker: otherwise an attacker could switch risk off for everybody.
func TestWhatCallersProvokeDoesntOpenTheBreaker(t *testing.T) {
	tests := map[string]struct {
		answer  func(context.Context) (*riskv1.AssessResponse, error)
		context func(context.Context) (context.Context, context.CancelFunc)
	}{
		"a request that risk refuses": {fails(codes.InvalidArgument), context.WithCancel},
		"a request that breaks risk":  {fails(codes.Internal), context.WithCancel},
		"a caller with no time": {hangs, func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, 10*time.Millisecond)
		}},
		"a caller that hangs up at once": {hangs, func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			return ctx, cancel
		}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r := &risk{answer: test.answer}
				c, _ := newClient(t, r)
				for range 20 {
					ctx, cancel := test.context(t.Context())
					if _, err := c.Assess(ctx, flow.Question{}); err == nil || errors.Is(err, riskclient.ErrDown) {
						t.Errorf("err = %v", err)
					}
					cancel()
				}
				r.answer = answers(open)
				if _, err := c.Assess(t.Context(), flow.Question{}); err != nil {
					t.Errorf("others aren't judged any more: %v", err)
				}
			})
		})
	}
}

func TestAProbeThatPanicsIsNotTheLast(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &risk{answer: fails(codes.Unavailable)}
		c, _ := newClient(t, r)
		for range 5 {
			_, _ = c.Assess(t.Context(), flow.Question{})
		}
		time.Sleep(2 * time.Second)
		r.answer = func(context.Context) (*riskv1.AssessResponse, error) { panic("the transport is broken") }
		func() {
			defer func() { _ = recover() }()
			_, _ = c.Assess(t.Context(), flow.Question{})
		}()
		r.answer = answers(open)
		if _, err := c.Assess(t.Context(), flow.Question{}); err != nil {
			t.Errorf("nobody probes any more: %v", err)
		}
	})
}
