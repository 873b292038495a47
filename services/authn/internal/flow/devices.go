package flow

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Why a device isn't trusted any more, as the event names it.
const (
	causeOperator = "operator"
	causeRestored = "restored"
)

// Devices shows operators a user's devices, and takes their trust away.
type Devices struct {
	store store.Store
	now   func() time.Time
}

// NewDevices puts the use cases together.
func NewDevices(s store.Store, now func() time.Time) *Devices { return &Devices{store: s, now: now} }

// List is all of a user's devices, oldest first.
func (f *Devices) List(ctx context.Context, w Whose) (devices []device.Device, err error) {
	err = f.store.View(ctx, func(tx store.Tx) error {
		user, err := w.find(tx)
		if err != nil {
			return err
		}
		devices, err = tx.Devices.OfUser(user.ID)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list devices: %w", err)
	}
	return devices, nil
}

// Untrusted is a device whose trust was taken away, and what ended with it.
type Untrusted struct {
	Device   device.Device
	Sessions []string
}

// Untrust takes a device's trust away, and ends its sessions where that is asked for.
func (f *Devices) Untrust(ctx context.Context, by Actor, deviceID string, endToo bool, note string) (Untrusted, error) {
	now := f.now()
	var untrusted Untrusted
	err := f.store.Update(ctx, func(tx store.Tx) error {
		untrusted = Untrusted{}
		d, found, err := tx.Devices.Get(deviceID)
		if err != nil {
			return err
		}
		if !found {
			return errNotFound
		}
		user, err := foundUser(tx.Users.Get(d.UserID))
		if err != nil {
			return err
		}
		if err := untrust(tx, &user, &d, causeOperator, now); err != nil {
			return err
		}
		untrusted.Device = d
		untrusted.Sessions, err = endSessions(tx, &user, session.EndRevoked, now, func(s session.Session) bool { return endToo && s.DeviceID == d.ID })
		if err != nil {
			return err
		}
		if err := tx.Users.Put(user); err != nil {
			return err
		}
		record := by.record(now, "device.untrust", "device", d.ID, note)
		record.Detail = audit.Details("user_id", user.ID, "ended_sessions", untrusted.Sessions)
		return tx.Audit.Append(record)
	})
	if err != nil {
		return Untrusted{}, fmt.Errorf("untrust device: %w", err)
	}
	return untrusted, nil
}

// untrust takes the trust away and tells of it. A device whose trust was taken away before is left as it is.
func untrust(tx store.Tx, user *account.User, d *device.Device, cause string, now time.Time) error {
	if !d.Untrust(now) {
		return nil
	}
	if err := tx.Devices.Put(*d); err != nil {
		return err
	}
	_, err := appendEvent(tx, user, subjectDeviceUntrusted, typeDeviceUntrusted, now, &eventv1.DeviceUntrusted{
		UserId:      user.ID,
		DeviceId:    d.ID,
		Cause:       cause,
		UntrustedAt: timestamppb.New(now),
	})
	return err
}
