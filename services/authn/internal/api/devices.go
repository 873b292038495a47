package api

import (
	"context"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

type devices struct {
	authnv1.UnimplementedDeviceServiceServer
	flow *flow.Devices
	now  func() time.Time
}

var _ authnv1.DeviceServiceServer = (*devices)(nil)

// ListDevices is all of a user's devices.
func (d *devices) ListDevices(ctx context.Context, req *authnv1.ListDevicesRequest) (*authnv1.ListDevicesResponse, error) {
	all, err := d.flow.List(ctx, whose(req))
	if err != nil {
		return nil, err
	}
	response := &authnv1.ListDevicesResponse{}
	for i := range all {
		response.Devices = append(response.Devices, trustedDeviceMessage(&all[i], d.now()))
	}
	return response, nil
}

// UntrustDevice takes a device's trust away.
func (d *devices) UntrustDevice(ctx context.Context, req *authnv1.UntrustDeviceRequest) (*authnv1.UntrustDeviceResponse, error) {
	by, err := actorOf(ctx)
	if err != nil {
		return nil, err
	}
	untrusted, err := d.flow.Untrust(ctx, by, req.GetDeviceId(), req.GetEndSessions(), req.GetNote())
	if err != nil {
		return nil, err
	}
	return &authnv1.UntrustDeviceResponse{
		Device:          trustedDeviceMessage(&untrusted.Device, d.now()),
		EndedSessionIds: untrusted.Sessions,
	}, nil
}
