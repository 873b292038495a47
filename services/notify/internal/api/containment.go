package api

import (
	"context"
	"net/netip"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
)

// Containment is the ContainmentService.
type Containment struct {
	notifyv1.UnimplementedContainmentServiceServer

	flow *flow.Containments
}

var _ notifyv1.ContainmentServiceServer = (*Containment)(nil)

// NewContainment makes the service.
func NewContainment(f *flow.Containments) *Containment { return &Containment{flow: f} }

// DescribeContainment implements the rpc.
func (s *Containment) DescribeContainment(ctx context.Context, req *notifyv1.DescribeContainmentRequest) (*notifyv1.DescribeContainmentResponse, error) {
	d, err := s.flow.Describe(ctx, flow.Link{DeliveryID: req.GetDeliveryId(), Token: secret.Wrap(req.GetContainToken())})
	if err != nil {
		return nil, err
	}
	return &notifyv1.DescribeContainmentResponse{Containment: containment(d)}, nil
}

// ConfirmContainment implements the rpc. An address that can't be read is no reason to refuse: it decides nothing.
func (s *Containment) ConfirmContainment(ctx context.Context, req *notifyv1.ConfirmContainmentRequest) (*notifyv1.ConfirmContainmentResponse, error) {
	from, _ := netip.ParseAddr(req.GetClient().GetIp())
	d, err := s.flow.Confirm(ctx, flow.Link{DeliveryID: req.GetDeliveryId(), Token: secret.Wrap(req.GetContainToken())}, from)
	if err != nil {
		return nil, err
	}
	return &notifyv1.ConfirmContainmentResponse{Containment: containment(d)}, nil
}

func containment(d alert.Delivery) *notifyv1.Containment {
	s := d.SignIn
	return &notifyv1.Containment{
		SignedInAt:  timestamp(s.At),
		Device:      &typev1.Device{Id: s.DeviceID, Browser: s.Browser, System: s.System, Kind: deviceKinds[s.DeviceKind]},
		Place:       &typev1.Place{CountryCode: s.CountryCode, CountryName: s.Country},
		Ip:          s.IP,
		Method:      s.Method(),
		ConfirmedAt: timestamp(d.ConfirmedAt),
	}
}

var deviceKinds = map[alert.DeviceKind]typev1.DeviceKind{
	alert.Desktop: typev1.DeviceKind_DEVICE_KIND_DESKTOP,
	alert.Phone:   typev1.DeviceKind_DEVICE_KIND_PHONE,
	alert.Tablet:  typev1.DeviceKind_DEVICE_KIND_TABLET,
	alert.Bot:     typev1.DeviceKind_DEVICE_KIND_BOT,
}

// timestamp leaves a time that isn't set out.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
