package risk

import (
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/access"
)

// accessTable says who may call what. Callers are other services and operators' tools, known by their certificates; risk knows no API key.
func accessTable() access.Table {
	operator := access.Rule{
		Callers:  access.Service,
		Services: []string{"operator"},
		Limit:    access.PerSecond(50),
		Priority: access.Vital,
	}
	copies := operator
	copies.Certificate, copies.Audit = true, true
	challenges := access.Rule{
		Callers:  access.Service,
		Services: []string{"authn"},
		Limit:    access.NoLimit(),
		Priority: access.Interactive,
	}
	return access.Table{
		riskv1.ChallengeService_IssueChallenge_FullMethodName: challenges,
		riskv1.ChallengeService_RedeemSolution_FullMethodName: challenges,
		// authn paces its callers itself, and what it doesn't ask isn't counted.
		riskv1.RiskService_Assess_FullMethodName: {
			Callers:  access.Service,
			Services: []string{"authn"},
			Limit:    access.NoLimit(),
			Priority: access.Interactive,
		},
		riskv1.DecisionService_ListDecisions_FullMethodName:   operator,
		riskv1.DecisionService_ExplainDecision_FullMethodName: operator,
		operatorv1.BackupService_BackUp_FullMethodName:        copies,
	}
}
