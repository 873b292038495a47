package testbed

import (
	"context"
	"sync"

	altcha "github.com/altcha-org/altcha-lib-go"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

// leastWork is the easiest challenge that the contract has, whatever was asked for: the beds are there for something else.
const leastWork = 1000

// challenges makes challenges by the protocol's own library and takes each solution once, whatever for.
type challenges struct {
	riskv1.UnimplementedChallengeServiceServer

	mu    sync.Mutex
	spent map[string]bool
}

var _ riskv1.ChallengeServiceServer = (*challenges)(nil)

const challengeKey = "the test bed's"

func (c *challenges) IssueChallenge(context.Context, *riskv1.IssueChallengeRequest) (*riskv1.IssueChallengeResponse, error) {
	made, err := altcha.CreateChallenge(altcha.ChallengeOptions{Algorithm: altcha.SHA256, MaxNumber: leastWork, HMACKey: challengeKey})
	if err != nil {
		return nil, err
	}
	return &riskv1.IssueChallengeResponse{Challenge: &typev1.Challenge{
		Algorithm: made.Algorithm, Challenge: made.Challenge, Salt: made.Salt, Signature: made.Signature, MaxNumber: made.MaxNumber,
	}}, nil
}

func (c *challenges) RedeemSolution(_ context.Context, req *riskv1.RedeemSolutionRequest) (*riskv1.RedeemSolutionResponse, error) {
	good, err := altcha.VerifySolutionSafe(req.GetSolution(), challengeKey, false)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err != nil || !good || c.spent[req.GetSolution()] {
		return &riskv1.RedeemSolutionResponse{Redemption: riskv1.Redemption_REDEMPTION_UNSOLVED}, nil
	}
	c.spent[req.GetSolution()] = true
	return &riskv1.RedeemSolutionResponse{Redemption: riskv1.Redemption_REDEMPTION_TAKEN}, nil
}
