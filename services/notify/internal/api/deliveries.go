package api

import (
	"context"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
)

// Deliveries is the DeliveryService.
type Deliveries struct {
	notifyv1.UnimplementedDeliveryServiceServer

	flow *flow.Operators
}

var _ notifyv1.DeliveryServiceServer = (*Deliveries)(nil)

// NewDeliveries makes the service.
func NewDeliveries(f *flow.Operators) *Deliveries { return &Deliveries{flow: f} }

// ListDeliveries implements the rpc.
func (s *Deliveries) ListDeliveries(ctx context.Context, req *notifyv1.ListDeliveriesRequest) (*notifyv1.ListDeliveriesResponse, error) {
	page, next, err := s.flow.Deliveries(ctx, alert.Filter{
		State: statesOf[req.GetState()], Email: req.GetEmail(), Before: req.GetPageToken(), Limit: int(req.GetPageSize()),
	})
	if err != nil {
		return nil, err
	}
	out := &notifyv1.ListDeliveriesResponse{NextPageToken: next}
	for _, d := range page {
		out.Deliveries = append(out.Deliveries, delivery(d))
	}
	return out, nil
}

func delivery(d alert.Delivery) *notifyv1.Delivery {
	return &notifyv1.Delivery{
		Id: d.ID, EventId: d.EventID, Kind: string(d.Kind), Email: d.Email, State: states[d.State], Tries: uint32(max(d.Tries, 0)),
		QueuedAt: timestamp(d.QueuedAt), ChangedAt: timestamp(d.ChangedAt), LastError: d.LastError,
	}
}

var states = map[alert.State]notifyv1.DeliveryState{
	alert.Queued:   notifyv1.DeliveryState_DELIVERY_STATE_QUEUED,
	alert.Sending:  notifyv1.DeliveryState_DELIVERY_STATE_SENDING,
	alert.Accepted: notifyv1.DeliveryState_DELIVERY_STATE_ACCEPTED,
	alert.Failed:   notifyv1.DeliveryState_DELIVERY_STATE_FAILED,
	alert.Dropped:  notifyv1.DeliveryState_DELIVERY_STATE_DROPPED,
}

// statesOf has no entry for "unspecified", which narrows nothing.
var statesOf = map[notifyv1.DeliveryState]alert.State{
	notifyv1.DeliveryState_DELIVERY_STATE_QUEUED:   alert.Queued,
	notifyv1.DeliveryState_DELIVERY_STATE_SENDING:  alert.Sending,
	notifyv1.DeliveryState_DELIVERY_STATE_ACCEPTED: alert.Accepted,
	notifyv1.DeliveryState_DELIVERY_STATE_FAILED:   alert.Failed,
	notifyv1.DeliveryState_DELIVERY_STATE_DROPPED:  alert.Dropped,
}
