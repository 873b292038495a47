package riskclient_test

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/riskclient"
)

func (r *risk) IssueChallenge(ctx context.Context, req *riskv1.IssueChallengeRequest, _ ...grpc.CallOption) (*riskv1.IssueChallengeResponse, error) {
	r.asked++
	r.issued = req
	if _, err := r.answer(ctx); err != nil {
		return nil, fault.FromStatus(err)
	}
	return &riskv1.IssueChallengeResponse{Challenge: r.made}, nil
}

func (r *risk) RedeemSolution(ctx context.Context, req *riskv1.RedeemSolutionRequest, _ ...grpc.CallOption) (*riskv1.RedeemSolutionResponse, error) {
	r.asked++
	r.offered = req
	if _, err := r.answer(ctx); err != nil {
		return nil, fault.FromStatus(err)
	}
	return &riskv1.RedeemSolutionResponse{Redemption: r.fared}, nil
}

func TestChallengesAreAskedForByTheirWork(t *testing.T) {
	for work, purpose := range map[flow.Work]riskv1.ChallengePurpose{
		flow.WorkSignUp:   riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP,
		flow.WorkSignIn:   riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_IN,
		flow.WorkCode:     riskv1.ChallengePurpose_CHALLENGE_PURPOSE_CODE,
		flow.Work("else"): riskv1.ChallengePurpose_CHALLENGE_PURPOSE_UNSPECIFIED,
	} {
		r := &risk{answer: answers(open), made: &typev1.Challenge{Salt: "salt"}, fared: riskv1.Redemption_REDEMPTION_TAKEN}
		c, _ := newClient(t, r)
		made, err := c.Issue(t.Context(), work, 5000, "dec_1")
		if err != nil || !proto.Equal(made, r.made) || r.issued.GetPurpose() != purpose || r.issued.GetDifficulty() != 5000 ||
			r.issued.GetDecisionId() != "dec_1" {
			t.Errorf("%s: %v, %v; asked for %v", work, made, err, r.issued.GetPurpose())
		}
		taken, err := c.Redeem(t.Context(), work, 2500, secret.Wrap("solution"))
		if err != nil || !taken || r.offered.GetPurpose() != purpose || r.offered.GetSolution() != "solution" || r.offered.GetLeastDifficulty() != 2500 {
			t.Errorf("%s: taken %v, %v; offered for %v", work, taken, err, r.offered.GetPurpose())
		}
	}
}

func TestNoSolutionIsTakenButWhereRiskSaysSo(t *testing.T) {
	for _, n := range append(numbers(riskv1.Redemption(0)), 99) {
		c, _ := newClient(t, &risk{answer: answers(open), fared: riskv1.Redemption(n)})
		taken, err := c.Redeem(t.Context(), flow.WorkSignIn, 0, secret.Wrap("solution"))
		if want := riskv1.Redemption(n) == riskv1.Redemption_REDEMPTION_TAKEN; err != nil || taken != want {
			t.Errorf("redemption %d: taken %v, %v", n, taken, err)
		}
	}
	for _, code := range []codes.Code{codes.ResourceExhausted, codes.Unavailable, codes.Internal} {
		c, _ := newClient(t, &risk{answer: fails(code), fared: riskv1.Redemption_REDEMPTION_TAKEN})
		if taken, err := c.Redeem(t.Context(), flow.WorkSignIn, 0, secret.Wrap("solution")); taken || err == nil {
			t.Errorf("%v: taken %v, %v", code, taken, err)
		}
	}
}

func TestNoChallengeIsAnError(t *testing.T) {
	c, _ := newClient(t, &risk{answer: answers(open)})
	if made, err := c.Issue(t.Context(), flow.WorkSignUp, 5000, ""); err == nil || made != nil {
		t.Errorf("made %v, %v", made, err)
	}
}

func TestChallengesHaveRisksDeadlineAndBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c, _ := newClient(t, &risk{answer: hangs})
		began := time.Now()
		for range 5 {
			if _, err := c.Issue(t.Context(), flow.WorkSignUp, 5000, ""); err == nil || errors.Is(err, riskclient.ErrDown) {
				t.Fatalf("err = %v", err)
			}
		}
		if took := time.Since(began); took != 5*250*time.Millisecond {
			t.Errorf("five calls took %v", took)
		}
		if _, err := c.Redeem(t.Context(), flow.WorkSignUp, 0, secret.Wrap("solution")); !errors.Is(err, riskclient.ErrDown) {
			t.Errorf("err = %v, want ErrDown", err)
		}
	})
}
