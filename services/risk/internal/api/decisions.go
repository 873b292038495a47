package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/flow"
)

// Decisions is the server of DecisionService.
type Decisions struct {
	riskv1.UnimplementedDecisionServiceServer

	decisions *flow.Decisions
}

var _ riskv1.DecisionServiceServer = (*Decisions)(nil)

// NewDecisions makes the server.
func NewDecisions(d *flow.Decisions) *Decisions { return &Decisions{decisions: d} }

// ListDecisions lists decisions, newest first.
func (s *Decisions) ListDecisions(ctx context.Context, req *riskv1.ListDecisionsRequest) (*riskv1.ListDecisionsResponse, error) {
	page, next, err := s.decisions.List(ctx, req.GetUserId(), int(req.GetPageSize()), req.GetPageToken())
	if err != nil {
		return nil, err
	}
	response := &riskv1.ListDecisionsResponse{NextPageToken: next}
	for _, r := range page {
		response.Decisions = append(response.Decisions, message(r))
	}
	return response, nil
}

// ExplainDecision returns one decision.
func (s *Decisions) ExplainDecision(ctx context.Context, req *riskv1.ExplainDecisionRequest) (*riskv1.ExplainDecisionResponse, error) {
	r, err := s.decisions.Explain(ctx, req.GetDecisionId())
	if err != nil {
		return nil, err
	}
	return &riskv1.ExplainDecisionResponse{Decision: message(r)}, nil
}

func message(r decision.Record) *riskv1.Decision {
	m := &riskv1.Decision{
		Id:            r.ID,
		DecidedAt:     timestamppb.New(r.At),
		Purpose:       purpose(r.Purpose),
		AttemptId:     r.AttemptID,
		UserId:        r.UserID,
		Ip:            r.IP.String(),
		Place:         place(r.Country),
		KnownDevice:   r.KnownDevice,
		Gate:          gate(r.Gate),
		Verdict:       verdict(r.Verdict),
		PolicyVersion: r.PolicyVersion,
	}
	for _, c := range r.Contributions {
		m.Signals = append(m.Signals, &riskv1.Signal{
			Name: string(c.Name), Value: c.Value, Gate: gate(c.Gate), Verdict: verdict(c.Verdict), Explanation: c.Reason,
		})
	}
	return m
}
