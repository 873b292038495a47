package riskclient

import (
	"context"
	"errors"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

var _ flow.Challenges = (*Client)(nil)

// works are the contract's names. A work that isn't here is none, which risk refuses.
var works = map[flow.Work]riskv1.ChallengePurpose{
	flow.WorkSignUp: riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP,
	flow.WorkSignIn: riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_IN,
	flow.WorkCode:   riskv1.ChallengePurpose_CHALLENGE_PURPOSE_CODE,
}

// errNothing says that risk answered and gave no challenge.
var errNothing = errors.New("riskclient: risk gave no challenge")

// Issue has risk make a challenge.
func (c *Client) Issue(ctx context.Context, what flow.Work, difficulty int, decisionID string) (*typev1.Challenge, error) {
	request := &riskv1.IssueChallengeRequest{Purpose: works[what], Difficulty: int64(difficulty), DecisionId: decisionID}
	response, err := ask(ctx, c, request, c.challenges.IssueChallenge)
	if err == nil && response.GetChallenge() == nil {
		err = errNothing
	}
	return response.GetChallenge(), err
}

// Redeem has risk take a solution.
func (c *Client) Redeem(ctx context.Context, what flow.Work, least int, solution secret.Text) (bool, error) {
	request := &riskv1.RedeemSolutionRequest{Purpose: works[what], LeastDifficulty: int64(least), Solution: solution.Reveal()}
	response, err := ask(ctx, c, request, c.challenges.RedeemSolution)
	return err == nil && response.GetRedemption() == riskv1.Redemption_REDEMPTION_TAKEN, err
}
