package api

import (
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/services/authn/internal/device"
)

// deviceMessage is a device as its header described it.
func deviceMessage(deviceID string, about device.Description) *typev1.Device {
	return &typev1.Device{Id: deviceID, Browser: about.Browser, System: about.System, Kind: kindMessage[about.Kind]}
}

// trustedDeviceMessage is a device with the trust in it, as an operator sees it.
func trustedDeviceMessage(d *device.Device, now time.Time) *authnv1.TrustedDevice {
	return &authnv1.TrustedDevice{
		Device:       deviceMessage(d.ID, d.About),
		UserId:       d.UserID,
		Known:        d.Trusted(now),
		TrustedSince: timestamp(d.FirstTrustedAt),
		TrustedUntil: timestamp(d.TrustedUntil),
		UntrustedAt:  timestamp(d.UntrustedAt),
	}
}

// timestamp is a moment, not set when there is none.
func timestamp(t time.Time) *timestamppb.Timestamp {
	if t.IsZero() {
		return nil
	}
	return timestamppb.New(t)
}
