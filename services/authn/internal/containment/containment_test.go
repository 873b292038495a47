package containment_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
)

// The intruder signed in at noon, on dev_intruder; the owner answers the alert an hour later.
var (
	noon  = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	now   = noon.Add(time.Hour)
	alert = containment.Alert{
		EventID: "evt_1", Kind: containment.NewDevice, UserID: "usr_1", SessionID: "ses_intruder", DeviceID: "dev_intruder", At: noon,
	}
)

func trusted(id string, since time.Duration) device.Device {
	return device.Device{ID: id, UserID: "usr_1", FirstTrustedAt: noon.Add(since), TrustedUntil: now.Add(24 * time.Hour)}
}

func on(deviceID, id string, started time.Duration) session.Session {
	return session.Session{ID: id, UserID: "usr_1", DeviceID: deviceID, StartedAt: noon.Add(started), ExpiresAt: now.Add(24 * time.Hour)}
}

func TestContainmentEndsWhatTheIntruderHolds(t *testing.T) {
	const before, after = -24 * time.Hour, 30 * time.Minute
	untrusted := trusted("dev_x", before)
	untrusted.Untrust(noon)
	expired := trusted("dev_x", before)
	expired.TrustedUntil = now
	for name, c := range map[string]struct {
		device  device.Device
		session session.Session
		ends    bool
		losesIt bool // whether the device loses its trust by this
	}{
		"the alerted session":                           {trusted("dev_intruder", 0), on("dev_intruder", "ses_intruder", 0), true, true},
		"another on the intruder's device":              {trusted("dev_intruder", 0), on("dev_intruder", "ses_x", after), true, true},
		"one on it from before, trusted before":         {trusted("dev_intruder", before), on("dev_intruder", "ses_x", before), true, true},
		"the alerted session, whatever it says of when": {trusted("dev_intruder", 0), on("dev_x", "ses_intruder", before), true, true},
		"one on a device first trusted since":           {trusted("dev_x", after), on("dev_x", "ses_x", after), true, true},
		"one on a device trusted at the same moment":    {trusted("dev_x", 0), on("dev_x", "ses_x", 0), true, true},
		"one from before on a device trusted since":     {trusted("dev_x", after), on("dev_x", "ses_x", before), false, true},
		"the owner's, from before":                      {trusted("dev_x", before), on("dev_x", "ses_x", before), false, false},
		"the owner's, since, on the trusted device":     {trusted("dev_x", before), on("dev_x", "ses_x", after), false, false},
		"trusted just before":                           {trusted("dev_x", -1), on("dev_x", "ses_x", after), false, false},
		"one since, on a device no longer trusted":      {untrusted, on("dev_x", "ses_x", after), true, false},
		"one since, on a device whose trust expired":    {expired, on("dev_x", "ses_x", after), true, false},
		"one since, on a device that isn't there":       {trusted("dev_y", before), on("dev_x", "ses_x", after), true, false},
		"one since, on no device":                       {trusted("dev_y", before), on("", "ses_x", after), true, false},
	} {
		t.Run(name, func(t *testing.T) {
			plan := containment.For(alert, []session.Session{c.session}, []device.Device{c.device}, now)
			if got := len(plan.End) == 1; got != c.ends || len(plan.End)+len(plan.Spare) != 1 {
				t.Errorf("ends %d, spares %d; want it to end: %t", len(plan.End), len(plan.Spare), c.ends)
			}
			if got := len(plan.Untrust) == 1; got != c.losesIt {
				t.Errorf("untrusts the device: %t, want %t", got, c.losesIt)
			}
		})
	}
}

func TestContainingNothingPlansNothing(t *testing.T) {
	if diff := cmp.Diff(containment.Plan{}, containment.For(alert, nil, nil, now)); diff != "" {
		t.Errorf("the plan (-want +got):\n%s", diff)
	}
}

// Whatever the account looks like: each session is ended or spared, once; nothing that could be the intruder's is spared; nothing of the
// owner's on a device trusted before is ended.
func TestContainmentDecidesAboutEverySession(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		devices, sessions := anyAccount(t)
		plan := containment.For(alert, sessions, devices, now)

		var decided []string
		for _, s := range slices.Concat(plan.End, plan.Spare) {
			decided = append(decided, s.ID)
		}
		slices.Sort(decided)
		want := make([]string, 0, len(sessions))
		for _, s := range sessions {
			want = append(want, s.ID)
		}
		slices.Sort(want)
		if !slices.Equal(decided, want) {
			t.Fatalf("decided about %v, want %v", decided, want)
		}

		ownersBefore := func(deviceID string) bool {
			return deviceID != alert.DeviceID && slices.ContainsFunc(devices, func(d device.Device) bool {
				return d.ID == deviceID && d.TrustedBefore(alert.At, now)
			})
		}
		for _, s := range plan.Spare {
			if s.ID == alert.SessionID || s.DeviceID == alert.DeviceID {
				t.Errorf("the intruder's %s on %s is spared", s.ID, s.DeviceID)
			}
			if !s.StartedAt.Before(alert.At) && !ownersBefore(s.DeviceID) {
				t.Errorf("%s, begun since on a device not trusted before, is spared", s.ID)
			}
		}
		for _, s := range plan.End {
			if s.ID != alert.SessionID && ownersBefore(s.DeviceID) {
				t.Errorf("%s, on a device trusted before, is ended", s.ID)
			}
		}
		checkTrust(t, devices, plan, ownersBefore)
	})
}

// checkTrust sees that afterwards exactly the devices trusted before are trusted.
func checkTrust(t *rapid.T, devices []device.Device, plan containment.Plan, ownersBefore func(string) bool) {
	for _, d := range devices {
		loses := slices.ContainsFunc(plan.Untrust, func(u device.Device) bool { return u.ID == d.ID })
		if still := d.Trusted(now) && !loses; still != ownersBefore(d.ID) {
			t.Errorf("%s: trusted afterwards = %t, trusted before = %t", d.ID, still, ownersBefore(d.ID))
		}
	}
}

func anyAccount(t *rapid.T) (devices []device.Device, sessions []session.Session) {
	moment := rapid.Custom(func(t *rapid.T) time.Duration {
		return time.Duration(rapid.IntRange(-5, 5).Draw(t, "minutes")) * 10 * time.Minute
	})
	ids := []string{alert.DeviceID, "dev_1", "dev_2", "dev_3"}
	for _, id := range ids {
		if !rapid.Bool().Draw(t, id+" is there") {
			continue
		}
		d := trusted(id, moment.Draw(t, "trusted since"))
		switch rapid.IntRange(0, 3).Draw(t, "state") {
		case 0:
			d.Untrust(noon)
		case 1:
			d.TrustedUntil = now
		}
		devices = append(devices, d)
	}
	for n := range rapid.IntRange(0, 6).Draw(t, "sessions") {
		id := fmt.Sprint("ses_", n)
		if n == 0 {
			id = alert.SessionID
		}
		sessions = append(sessions, on(rapid.SampledFrom(ids).Draw(t, "device"), id, moment.Draw(t, "started")))
	}
	return devices, sessions
}

func TestATokenBelongsToOneEventAndOneAddress(t *testing.T) {
	key := secret.NewKey()
	token := containment.Token(key, "evt_1", "owner@example.com")
	if !containment.Token(key, "evt_1", "owner@example.com").Equal(token) {
		t.Error("asking again gives another token: a resent mail would hold a different link")
	}
	altered := []byte(token.Reveal())
	altered[len(altered)-2] ^= 1
	for name, c := range map[string]struct {
		event, canonical string
		presented        secret.Text
		want             bool
	}{
		"as it was made":     {"evt_1", "owner@example.com", token, true},
		"of another event":   {"evt_2", "owner@example.com", token, false},
		"of another address": {"evt_1", "other@example.com", token, false},
		"of no event":        {"", "owner@example.com", token, false},
		"moved across":       {"evt_1owner", "@example.com", token, false},
		"altered":            {"evt_1", "owner@example.com", secret.Wrap(string(altered)), false},
		"with something after": {
			"evt_1", "owner@example.com", secret.Wrap(token.Reveal() + "="), false,
		},
		"another key's": {"evt_1", "owner@example.com", containment.Token(secret.NewKey(), "evt_1", "owner@example.com"), false},
		"none":          {"evt_1", "owner@example.com", secret.Text{}, false},
	} {
		if got := containment.Genuine(key, c.event, c.canonical, c.presented); got != c.want {
			t.Errorf("%s: Genuine = %t, want %t", name, got, c.want)
		}
	}
}
