package api

import (
	"context"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

type policies struct {
	authnv1.UnimplementedPolicyServiceServer
	flow *flow.Policies
}

var _ authnv1.PolicyServiceServer = (*policies)(nil)

// GetPolicy is the policy in force.
func (p *policies) GetPolicy(ctx context.Context, _ *authnv1.GetPolicyRequest) (*authnv1.GetPolicyResponse, error) {
	current, err := p.flow.Current(ctx)
	if err != nil {
		return nil, err
	}
	answer := &authnv1.GetPolicyResponse{
		Policy: policyMessage(&current.Value), Version: current.Version, ChangedBy: current.ChangedBy, Note: current.Reason,
	}
	if current.Version > 0 {
		answer.ChangedAt = timestamppb.New(current.ChangedAt)
	}
	return answer, nil
}

// UpdatePolicy puts a policy in force, or only checks it.
func (p *policies) UpdatePolicy(ctx context.Context, req *authnv1.UpdatePolicyRequest) (*authnv1.UpdatePolicyResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	change := flow.PolicyChange{Policy: policyOf(req.GetPolicy()), Expected: req.GetExpectedVersion(), Note: req.GetNote()}
	version := change.Expected
	if req.GetValidateOnly() {
		err = p.flow.Check(ctx, change)
	} else {
		version, err = p.flow.Update(ctx, by, change)
	}
	if err != nil {
		return nil, err
	}
	return &authnv1.UpdatePolicyResponse{Version: version, Warnings: warningMessages(p.flow.Warnings(change.Policy))}, nil
}
