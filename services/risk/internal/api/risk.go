package api

import (
	"context"
	"net/netip"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/history"
)

// Risk is the server of RiskService.
type Risk struct {
	riskv1.UnimplementedRiskServiceServer

	assessments *flow.Assessments
}

var _ riskv1.RiskServiceServer = (*Risk)(nil)

// NewRisk makes the server.
func NewRisk(a *flow.Assessments) *Risk { return &Risk{assessments: a} }

// Assess judges one attempt.
func (s *Risk) Assess(ctx context.Context, req *riskv1.AssessRequest) (*riskv1.AssessResponse, error) {
	ip, err := netip.ParseAddr(req.GetIp())
	if err != nil {
		return nil, fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
			"Some fields of the request break their rules: correct those that BadRequest names.").
			Field("ip", "must be an IP address")
	}
	r, err := s.assessments.Assess(ctx, flow.Question{
		Purpose:     purposeFrom(req.GetPurpose()),
		AttemptID:   req.GetAttemptId(),
		UserID:      req.GetUserId(),
		Account:     history.Account(req.GetAccountKey()),
		IP:          ip,
		KnownDevice: req.GetKnownDevice(),
	})
	if err != nil {
		return nil, err
	}
	return answer(r), nil
}

func answer(r decision.Record) *riskv1.AssessResponse {
	response := &riskv1.AssessResponse{
		DecisionId: r.ID,
		Gate:       gate(r.Gate),
		Verdict:    verdict(r.Verdict),
		Place:      place(r.Country),
	}
	for _, name := range r.Raised() {
		response.Signals = append(response.Signals, string(name))
	}
	return response
}
