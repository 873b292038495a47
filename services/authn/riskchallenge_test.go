package authn_test

import (
	"context"
	"slices"

	altcha "github.com/altcha-org/altcha-lib-go"
	"google.golang.org/grpc"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	doorward "github.com/doorward/doorward/sdk"
)

const (
	challengeKey = "the test's"
	leastWork    = 1000 // the easiest challenge that the contract has
)

// IssueChallenge makes a challenge by the protocol's own library.
func (r *risk) IssueChallenge(_ context.Context, req *riskv1.IssueChallengeRequest) (*riskv1.IssueChallengeResponse, error) {
	made, err := altcha.CreateChallenge(altcha.ChallengeOptions{Algorithm: altcha.SHA256, MaxNumber: leastWork, HMACKey: challengeKey})
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.issued = append(r.issued, req)
	return &riskv1.IssueChallengeResponse{Challenge: &typev1.Challenge{
		Algorithm: made.Algorithm, Challenge: made.Challenge, Salt: made.Salt, Signature: made.Signature, MaxNumber: made.MaxNumber,
	}}, nil
}

// RedeemSolution takes each solution once, whatever for.
func (r *risk) RedeemSolution(_ context.Context, req *riskv1.RedeemSolutionRequest) (*riskv1.RedeemSolutionResponse, error) {
	good, err := altcha.VerifySolutionSafe(req.GetSolution(), challengeKey, false)
	r.mu.Lock()
	defer r.mu.Unlock()
	if err != nil || !good || slices.Contains(r.spent, req.GetSolution()) {
		return &riskv1.RedeemSolutionResponse{Redemption: riskv1.Redemption_REDEMPTION_UNSOLVED}, nil
	}
	r.spent = append(r.spent, req.GetSolution())
	return &riskv1.RedeemSolutionResponse{Redemption: riskv1.Redemption_REDEMPTION_TAKEN}, nil
}

// speaking is a request of somebody who can be challenged.
type speaking interface {
	GetClient() *typev1.ClientContext
}

// solved makes a call, and where it is refused with a challenge makes it again with the solution.
func solved[Q speaking, A any](ctx context.Context, call func(context.Context, Q, ...grpc.CallOption) (A, error), request Q) (A, error) {
	answer, err := call(ctx, request)
	asked := fault.ChallengeOf(err)
	if asked == nil {
		return answer, err
	}
	solution, unsolved := doorward.Solve(ctx, asked, leastWork)
	if unsolved != nil {
		return answer, unsolved
	}
	request.GetClient().ChallengeSolution = solution
	defer func() { request.GetClient().ChallengeSolution = "" }()
	return call(ctx, request)
}
