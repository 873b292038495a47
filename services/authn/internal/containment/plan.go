package containment

import (
	"time"

	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
)

// Plan is what a containment does.
type Plan struct {
	// End are the active sessions that end.
	End []session.Session
	// Spare are the active sessions that live on, to be re-stamped with the new epoch.
	Spare []session.Session
	// Untrust are the devices that lose their trust.
	Untrust []device.Device
}

// For plans the containment of an alerted sign-in, from all of the user's active sessions and devices.
func For(alert Alert, sessions []session.Session, devices []device.Device, now time.Time) Plan {
	var plan Plan
	trustedBefore := make(map[string]bool, len(devices))
	for _, d := range devices {
		before := d.ID != alert.DeviceID && d.TrustedBefore(alert.At, now)
		trustedBefore[d.ID] = before
		if d.Trusted(now) && !before {
			plan.Untrust = append(plan.Untrust, d)
		}
	}
	for _, s := range sessions {
		if ends(alert, s, trustedBefore[s.DeviceID]) {
			plan.End = append(plan.End, s)
		} else {
			plan.Spare = append(plan.Spare, s)
		}
	}
	return plan
}

// ends says whether a session is the intruder's, as far as can be told: in doubt it is.
func ends(alert Alert, s session.Session, onTrusted bool) bool {
	switch {
	case s.ID == alert.SessionID, s.DeviceID == alert.DeviceID:
		return true
	case onTrusted:
		return false
	}
	return !s.StartedAt.Before(alert.At)
}
