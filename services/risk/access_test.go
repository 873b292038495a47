package risk_test

import (
	"context"
	"strings"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/protobuf/proto"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk"
)

func TestEveryMethodHasARowAndEveryRowAMethod(t *testing.T) {
	t.Parallel()
	d := prepare(t)
	d.change = func(c *risk.Config) { c.Reflection = true }
	d.run()
	table, info := risk.Server(d.service).Table(), risk.Server(d.service).GetServiceInfo()
	if missing, stale := access.Missing(table, info), access.Stale(table, info); len(missing)+len(stale) > 0 {
		t.Errorf("without a row: %v; without a method: %v", missing, stale)
	}
	if len(info) < 5 {
		t.Errorf("%d services are registered", len(info))
	}
}

// Who may call what, spelt out by hand: the table can't excuse itself.
func TestOnlyThoseNamedMayCall(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	calls := map[string]func(context.Context, *grpc.ClientConn) error{
		"Assess": func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := riskv1.NewRiskServiceClient(c).Assess(ctx, &riskv1.AssessRequest{
				Purpose: riskv1.Purpose_PURPOSE_SIGN_IN, AttemptId: "att_1", AccountKey: key("x"), Ip: "127.0.0.1",
			})
			return err
		},
		"IssueChallenge": func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := riskv1.NewChallengeServiceClient(c).IssueChallenge(ctx, &riskv1.IssueChallengeRequest{
				Purpose: riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP, Difficulty: 1000,
			})
			return err
		},
		"RedeemSolution": func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := riskv1.NewChallengeServiceClient(c).RedeemSolution(ctx, &riskv1.RedeemSolutionRequest{
				Purpose: riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP, Solution: "junk",
			})
			return err
		},
		"ListDecisions": func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := riskv1.NewDecisionServiceClient(c).ListDecisions(ctx, &riskv1.ListDecisionsRequest{})
			return err
		},
		"ExplainDecision": func(ctx context.Context, c *grpc.ClientConn) error {
			_, err := riskv1.NewDecisionServiceClient(c).ExplainDecision(ctx, &riskv1.ExplainDecisionRequest{DecisionId: "dec_1"})
			return err
		},
		"BackUp": func(ctx context.Context, c *grpc.ClientConn) error {
			stream, err := operatorv1.NewBackupServiceClient(c).BackUp(ctx, &operatorv1.BackUpRequest{})
			if err != nil {
				return err
			}
			_, err = stream.Recv()
			return err
		},
	}
	may := map[string]string{
		"Assess": "authn", "IssueChallenge": "authn", "RedeemSolution": "authn",
		"ListDecisions": "operator", "ExplainDecision": "operator", "BackUp": "operator",
	}
	for method, call := range calls {
		for _, caller := range []string{"authn", "notify", "portal", "operator", "risk"} {
			err := call(deadline(t), d.dial(caller))
			refused := fault.ReasonOf(err) == typev1.Reason_REASON_CALLER_NOT_ALLOWED
			if refused == (caller == may[method]) {
				t.Errorf("%s by %s = %v", method, caller, err)
			}
		}
	}
}

func TestBadRequestsAreRefusedByTheField(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	for field, spoil := range map[string]func(*riskv1.AssessRequest){
		"purpose":     func(r *riskv1.AssessRequest) { r.Purpose = 0 },
		"attempt_id":  func(r *riskv1.AssessRequest) { r.AttemptId = "" },
		"user_id":     func(r *riskv1.AssessRequest) { r.UserId = strings.Repeat("u", 65) },
		"account_key": func(r *riskv1.AssessRequest) { r.AccountKey = key("x")[1:] },
		"ip":          func(r *riskv1.AssessRequest) { r.Ip = "256.1.1.1" },
		"user_agent":  func(r *riskv1.AssessRequest) { r.UserAgent = strings.Repeat("a", 1025) },
	} {
		_, err := d.ask(spoil)
		f, ok := fault.As(err)
		if !ok || f.Kind != fault.Invalid || f.Reason != typev1.Reason_REASON_INVALID_FIELD || len(f.Fields) != 1 || f.Fields[0].Name != field {
			t.Errorf("bad %s: %v", field, err)
		}
	}
}

func TestDecisionsAreListedAndExplained(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	operator := riskv1.NewDecisionServiceClient(d.dial("operator"))
	var made []string
	for range 3 {
		made = append(made, d.from("usr_1", "").GetDecisionId())
		d.from("usr_2", "DE")
	}
	list := func(r *riskv1.ListDecisionsRequest) *riskv1.ListDecisionsResponse {
		t.Helper()
		page, err := operator.ListDecisions(deadline(t), r)
		must(t, err)
		return page
	}
	d.eventually("the decisions are written", func() bool { return len(list(&riskv1.ListDecisionsRequest{}).GetDecisions()) == 6 })

	first := list(&riskv1.ListDecisionsRequest{UserId: "usr_1", PageSize: 2})
	second := list(&riskv1.ListDecisionsRequest{UserId: "usr_1", PageSize: 2, PageToken: first.GetNextPageToken()})
	if len(first.GetDecisions()) != 2 || len(second.GetDecisions()) != 1 || second.GetNextPageToken() != "" {
		t.Fatalf("pages of %d and %d decisions", len(first.GetDecisions()), len(second.GetDecisions()))
	}
	explained, err := operator.ExplainDecision(deadline(t), &riskv1.ExplainDecisionRequest{DecisionId: made[0]})
	must(t, err)
	got := explained.GetDecision()
	if !proto.Equal(got, second.GetDecisions()[0]) {
		t.Error("a decision isn't explained as it is listed")
	}
	if got.GetId() != made[0] || got.GetUserId() != "usr_1" || got.GetIp() != "127.0.0.1" || got.GetAttemptId() != "att_1" ||
		got.GetPurpose() != riskv1.Purpose_PURPOSE_SIGN_IN || got.GetVerdict() != verify || got.GetGate() != open || got.GetDecidedAt() == nil {
		t.Errorf("decision %s is told wrong", got.GetId())
	}
	signals := got.GetSignals()
	if len(signals) != 5 || signals[0].GetName() != "country.unknown" || signals[0].GetVerdict() != verify ||
		signals[0].GetGate() != riskv1.Gate_GATE_UNSPECIFIED || signals[0].GetExplanation() == "" {
		t.Errorf("%d signals, the first is %s", len(signals), signals[0].GetName())
	}
	_, err = operator.ExplainDecision(deadline(t), &riskv1.ExplainDecisionRequest{DecisionId: id.New("dec", d.clock.now())})
	if fault.ReasonOf(err) != typev1.Reason_REASON_NOT_FOUND {
		t.Errorf("unknown decision: %v, want NOT_FOUND", err)
	}
	_, err = operator.ListDecisions(deadline(t), &riskv1.ListDecisionsRequest{PageToken: "x"})
	if fault.ReasonOf(err) != typev1.Reason_REASON_INVALID_FIELD {
		t.Errorf("bad page token: %v, want INVALID_FIELD", err)
	}
}
