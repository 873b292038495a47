package testbed

import (
	"context"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	riskv1 "github.com/doorward/doorward/gen/doorward/risk/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

// risk lets everybody pass: what authn demands by itself is demanded all the same.
type risk struct {
	riskv1.UnimplementedRiskServiceServer
}

var _ riskv1.RiskServiceServer = risk{}

func (risk) Assess(context.Context, *riskv1.AssessRequest) (*riskv1.AssessResponse, error) {
	return &riskv1.AssessResponse{
		DecisionId: "dec_testbed",
		Gate:       riskv1.Gate_GATE_OPEN,
		Verdict:    riskv1.Verdict_VERDICT_ALLOW,
	}, nil
}

// serveRisk returns the address at which it serves until the test ends.
func serveRisk(t testing.TB, certificates string) string {
	t.Helper()
	material, err := certs.Load(certificates, "risk", quiet())
	must(t, err)
	authnOnly := access.Rule{Callers: access.Service, Services: []string{"authn"}, Limit: access.NoLimit(), Priority: access.Interactive}
	server, err := rpc.NewServer(t.Context(), rpc.ServerConfig{
		Name:    "risk",
		Address: "127.0.0.1:0",
		TLS:     certs.ServerTLS(material, certs.ServicesOnly),
		Table: access.Table{
			riskv1.RiskService_Assess_FullMethodName:              authnOnly,
			riskv1.ChallengeService_IssueChallenge_FullMethodName: authnOnly,
			riskv1.ChallengeService_RedeemSolution_FullMethodName: authnOnly,
		},
		Authenticate: rpc.MTLSOnly,
		Logger:       quiet(),
		Registerer:   prometheus.NewRegistry(),
		Now:          time.Now,
	})
	must(t, err)
	riskv1.RegisterRiskServiceServer(server, risk{})
	riskv1.RegisterChallengeServiceServer(server, &challenges{spent: map[string]bool{}})
	runUntilEnd(t, "risk", server.Run)
	return server.Addr().String()
}

// runUntilEnd runs something on a goroutine of its own; the test's end stops it and waits for it.
func runUntilEnd(t testing.TB, name string, run func(context.Context) error) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("%s ended with %v", name, err)
		}
	})
}
