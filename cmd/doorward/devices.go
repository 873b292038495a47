package main

import (
	"context"
	"fmt"
	"io"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

type devicesCmd struct {
	List    devicesListCmd    `cmd:"" help:"List a user's devices, oldest first."`
	Untrust devicesUntrustCmd `cmd:"" help:"Take a device's trust away, and end its sessions."`
}

func (devicesCmd) Help() string {
	return readsKey + " Example:\n\n  . .doorward/operator.env; doorward devices list --email ada@example.com"
}

type devicesListCmd struct {
	whose
	JSON bool `name:"json" help:"Print the answer as JSON."`
}

func (devicesListCmd) Help() string {
	return "Example:\n\n  . .doorward/operator.env; doorward devices list --email ada@example.com"
}

func (c *devicesListCmd) Run(ctx context.Context, s streams) error {
	request := &authnv1.ListDevicesRequest{}
	if c.User != "" {
		request.User = &authnv1.ListDevicesRequest_UserId{UserId: c.User}
	} else {
		request.User = &authnv1.ListDevicesRequest_Email{Email: c.Email}
	}
	return query[*authnv1.ListDevicesResponse]{
		service: "authn", json: c.JSON, unfound: c.unfound(), show: printDevices,
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.ListDevicesResponse, error) {
			return authnv1.NewDeviceServiceClient(conn).ListDevices(ctx, request)
		},
	}.run(ctx, s)
}

type devicesUntrustCmd struct {
	Device       string `arg:"" help:"The device's id, dev_…."`
	KeepSessions bool   `help:"Let the sessions on it go on."`
	Note         string `help:"Why, for the audit record."`
	JSON         bool   `name:"json" help:"Print the answer as JSON."`
}

func (devicesUntrustCmd) Help() string {
	return "The next sign-in on the device needs a second check. Example:\n\n  . .doorward/operator.env; doorward devices untrust dev_… --note 'stolen phone'"
}

func (c *devicesUntrustCmd) Run(ctx context.Context, s streams) error {
	return query[*authnv1.UntrustDeviceResponse]{
		service: "authn", json: c.JSON, unfound: "no device is " + c.Device + "; a user's are shown by doorward devices list",
		ask: func(ctx context.Context, conn grpc.ClientConnInterface) (*authnv1.UntrustDeviceResponse, error) {
			return authnv1.NewDeviceServiceClient(conn).UntrustDevice(ctx, &authnv1.UntrustDeviceRequest{
				DeviceId: c.Device, EndSessions: !c.KeepSessions, Note: c.Note,
			})
		},
		show: func(w io.Writer, answer *authnv1.UntrustDeviceResponse) error {
			fmt.Fprintf(w, "%s isn't trusted any more; %d sessions ended\n", c.Device, len(answer.GetEndedSessionIds()))
			return nil
		},
	}.run(ctx, s)
}

func printDevices(w io.Writer, answer *authnv1.ListDevicesResponse) error {
	t := newTable(w, "DEVICE", "STATE", "TRUSTED SINCE (UTC)", "UNTIL (UTC)", "BROWSER AND SYSTEM")
	for _, d := range answer.GetDevices() {
		t.row(d.GetDevice().GetId(), trustText(d), moment(d.GetTrustedSince()), moment(d.GetTrustedUntil()), deviceText(d.GetDevice()))
	}
	return t.flush()
}

func trustText(d *authnv1.TrustedDevice) string {
	switch {
	case d.GetKnown():
		return "known"
	case d.GetUntrustedAt() != nil:
		return "untrusted"
	}
	return "expired"
}
