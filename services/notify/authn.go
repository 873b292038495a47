package notify

import (
	"context"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/flow"
)

// askAuthn is the flows' way to AlertService. The client's own deadline bounds it, and its errors are faults.
func askAuthn(client authnv1.AlertServiceClient) flow.Preparer {
	return func(ctx context.Context, eventID string) ([]flow.Recipient, error) {
		answer, err := client.PrepareAlert(ctx, &authnv1.PrepareAlertRequest{EventId: eventID})
		if err != nil {
			return nil, err
		}
		recipients := make([]flow.Recipient, 0, len(answer.GetRecipients()))
		for _, r := range answer.GetRecipients() {
			recipients = append(recipients, flow.Recipient{
				Email: r.GetEmail(), Language: r.GetLanguage(), ContainToken: secret.Wrap(r.GetContainToken()),
			})
		}
		return recipients, nil
	}
}
