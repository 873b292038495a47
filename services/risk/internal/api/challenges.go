package api

import (
	"context"
	"errors"

	"google.golang.org/protobuf/types/known/timestamppb"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/services/risk/internal/challenge"
	"github.com/doorward/doorward/services/risk/internal/flow"
)

// Challenges is the server of ChallengeService.
type Challenges struct {
	riskv1.UnimplementedChallengeServiceServer

	challenges *flow.Challenges
}

var _ riskv1.ChallengeServiceServer = (*Challenges)(nil)

// NewChallenges makes the server.
func NewChallenges(c *flow.Challenges) *Challenges { return &Challenges{challenges: c} }

// IssueChallenge makes a challenge.
func (s *Challenges) IssueChallenge(_ context.Context, req *riskv1.IssueChallengeRequest) (*riskv1.IssueChallengeResponse, error) {
	made, err := s.challenges.Issue(workFrom[req.GetPurpose()], req.GetDifficulty(), req.GetDecisionId())
	if err != nil {
		return nil, err
	}
	return &riskv1.IssueChallengeResponse{Challenge: &typev1.Challenge{
		Algorithm: made.Algorithm,
		Challenge: made.Challenge.Challenge,
		Salt:      made.Salt,
		Signature: made.Signature,
		MaxNumber: made.MaxNumber,
		ExpiresAt: timestamppb.New(made.ExpiresAt),
	}}, nil
}

// RedeemSolution takes a solution, or says why not.
func (s *Challenges) RedeemSolution(_ context.Context, req *riskv1.RedeemSolutionRequest) (*riskv1.RedeemSolutionResponse, error) {
	err := s.challenges.Redeem(workFrom[req.GetPurpose()], req.GetLeastDifficulty(), req.GetSolution())
	if err == nil {
		return &riskv1.RedeemSolutionResponse{Redemption: riskv1.Redemption_REDEMPTION_TAKEN}, nil
	}
	for why, said := range redemptions {
		if errors.Is(err, why) {
			return &riskv1.RedeemSolutionResponse{Redemption: said}, nil
		}
	}
	return nil, err
}

// workFrom is what a challenge is for, of a request that has passed its rules.
var workFrom = map[riskv1.ChallengePurpose]challenge.Purpose{
	riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_UP: challenge.SignUp,
	riskv1.ChallengePurpose_CHALLENGE_PURPOSE_SIGN_IN: challenge.SignIn,
	riskv1.ChallengePurpose_CHALLENGE_PURPOSE_CODE:    challenge.Code,
}

// redemptions are the ways not to be taken that are the solution's own. Any other is a failure.
var redemptions = map[error]riskv1.Redemption{
	challenge.ErrUnsolved:  riskv1.Redemption_REDEMPTION_UNSOLVED,
	challenge.ErrElsewhere: riskv1.Redemption_REDEMPTION_ELSEWHERE,
	challenge.ErrEasy:      riskv1.Redemption_REDEMPTION_EASY,
	challenge.ErrExpired:   riskv1.Redemption_REDEMPTION_EXPIRED,
	challenge.ErrSpent:     riskv1.Redemption_REDEMPTION_SPENT,
}
