package riskclient

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/breaker"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

const (
	// timeout is how long risk may take to answer.
	timeout = 250 * time.Millisecond
	// failuresToOpen is how many calls in a row must fail before nobody is asked.
	failuresToOpen = 5
	// pause is how long nobody is asked.
	pause = 2 * time.Second
)

// ErrDown says that risk wasn't asked, because it didn't answer a moment ago.
var ErrDown = errors.New("riskclient: risk didn't answer a moment ago and isn't asked for now")

// Config is what a Client needs.
type Config struct {
	// Risk and Challenges are the connection's clients. Their errors are faults.
	Risk       riskv1.RiskServiceClient
	Challenges riskv1.ChallengeServiceClient
	Now        func() time.Time
	Registerer prometheus.Registerer
}

// Client asks risk. It is safe for concurrent use.
type Client struct {
	risk       riskv1.RiskServiceClient
	challenges riskv1.ChallengeServiceClient
	breaker    *breaker.Breaker
	failures   *prometheus.CounterVec
}

// The values of the label "cause".
const (
	causeDown    = "down"    // no answer in time
	causeRefused = "refused" // risk answered with an error
	causeOpen    = "open"    // not asked: the breaker is open
	causeCaller  = "caller"  // the caller left first
)

// New makes a client and registers its metrics.
func New(c Config) (*Client, error) {
	if c.Risk == nil || c.Challenges == nil || c.Now == nil || c.Registerer == nil {
		return nil, errors.New("riskclient: a connection, a clock and a metrics registerer are needed")
	}
	client := &Client{
		risk:       c.Risk,
		challenges: c.Challenges,
		breaker:    breaker.New(breaker.Config{Failures: failuresToOpen, Pause: pause, Now: c.Now}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_authn_risk_failures_total",
			Help: "Questions that risk didn't answer, by cause: down, refused, open, caller.",
		}, []string{"cause"}),
	}
	for _, cause := range []string{causeDown, causeRefused, causeOpen, causeCaller} {
		client.failures.WithLabelValues(cause) // shown from the start, as 0
	}
	open := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_authn_risk_breaker_open",
		Help: "1 while risk isn't asked because it didn't answer, else 0.",
	}, func() float64 {
		if client.breaker.Open() {
			return 1
		}
		return 0
	})
	for _, metric := range []prometheus.Collector{client.failures, open} {
		if err := c.Registerer.Register(metric); err != nil {
			return nil, fmt.Errorf("riskclient: metrics: %w", err)
		}
	}
	return client, nil
}

// Assess asks risk about an attempt.
func (c *Client) Assess(ctx context.Context, q flow.Question) (flow.Judgement, error) {
	response, err := ask(ctx, c, request(q), c.risk.Assess)
	if err != nil {
		return flow.Judgement{}, err
	}
	return judgement(response), nil
}

var _ flow.Assessor = (*Client)(nil).Assess

// ask calls a method of risk's within the deadline, unless risk is known to be away.
func ask[Q, A any](ctx context.Context, c *Client, question Q, call func(context.Context, Q, ...grpc.CallOption) (A, error)) (answer A, err error) {
	probe, ok := c.breaker.Admit()
	if !ok {
		c.failures.WithLabelValues(causeOpen).Inc()
		return answer, ErrDown
	}
	// Settled also when the call panics, or the one probe would never come back.
	fared := breaker.Silent
	defer func() { c.breaker.Settle(probe, fared) }()
	asked, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	answer, err = call(asked, question)
	if err != nil {
		var cause string
		fared, cause = judgeFailure(ctx, asked, err)
		c.failures.WithLabelValues(cause).Inc()
		if fared == breaker.Silent {
			return answer, fmt.Errorf("%w: %w", flow.ErrNoTime, err)
		}
		return answer, fmt.Errorf("ask risk: %w", err)
	}
	fared = breaker.Answered
	return answer, nil
}

// judgeFailure says what an error tells of risk. A caller that left, or had less time than risk is given, tells nothing.
func judgeFailure(caller, asked context.Context, err error) (fared breaker.Result, cause string) {
	callers, limited := caller.Deadline()
	ours, _ := asked.Deadline()
	kind := fault.KindOf(err)
	switch {
	case kind != fault.Unavailable && kind != fault.DeadlineExceeded && kind != fault.Canceled:
		return breaker.Answered, causeRefused
	case caller.Err() != nil:
		return breaker.Silent, causeCaller
	case kind == fault.DeadlineExceeded && limited && !callers.After(ours):
		return breaker.Silent, causeCaller
	}
	return breaker.Down, causeDown
}

var purposes = map[attempt.Purpose]riskv1.Purpose{
	attempt.SignUp: riskv1.Purpose_PURPOSE_SIGN_UP,
	attempt.SignIn: riskv1.Purpose_PURPOSE_SIGN_IN,
}

func request(q flow.Question) *riskv1.AssessRequest {
	return &riskv1.AssessRequest{
		Purpose:     purposes[q.Purpose],
		AttemptId:   q.AttemptID,
		UserId:      q.UserID,
		AccountKey:  q.AccountKey[:],
		Ip:          q.IP,
		UserAgent:   q.UserAgent,
		KnownDevice: q.KnownDevice,
	}
}

// The zero values of the flow's types are what a value that isn't here means: GateBlock and VerifyDevice.
var (
	gates = map[riskv1.Gate]flow.Gate{
		riskv1.Gate_GATE_OPEN:      flow.GateOpen,
		riskv1.Gate_GATE_CHALLENGE: flow.GateChallenge,
		riskv1.Gate_GATE_BLOCK:     flow.GateBlock,
	}
	verdicts = map[riskv1.Verdict]attempt.Verdict{
		riskv1.Verdict_VERDICT_ALLOW:         attempt.Allow,
		riskv1.Verdict_VERDICT_VERIFY_DEVICE: attempt.VerifyDevice,
		riskv1.Verdict_VERDICT_REFUSE:        attempt.Refuse,
	}
)

func judgement(r *riskv1.AssessResponse) flow.Judgement {
	return flow.Judgement{
		Gate: gates[r.GetGate()],
		Assessment: attempt.Assessment{
			DecisionID:  r.GetDecisionId(),
			Verdict:     verdicts[r.GetVerdict()],
			Country:     r.GetPlace().GetCountryCode(),
			CountryName: r.GetPlace().GetCountryName(),
		},
	}
}
