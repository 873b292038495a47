package api

import (
	"context"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

type alerts struct {
	authnv1.UnimplementedAlertServiceServer
	flow *flow.Alerts
}

var _ authnv1.AlertServiceServer = (*alerts)(nil)

// PrepareAlert answers with whom to tell of an event.
func (a *alerts) PrepareAlert(ctx context.Context, req *authnv1.PrepareAlertRequest) (*authnv1.PrepareAlertResponse, error) {
	recipients, err := a.flow.Prepare(ctx, req.GetEventId())
	if err != nil {
		return nil, err
	}
	response := &authnv1.PrepareAlertResponse{}
	for _, r := range recipients {
		response.Recipients = append(response.Recipients, &authnv1.Recipient{
			Email:        r.Address,
			Language:     r.Language,
			ContainToken: r.ContainToken.Reveal(),
		})
	}
	return response, nil
}
