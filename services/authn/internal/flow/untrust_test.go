package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/session"
)

func TestAnUntrustedDeviceIsAStrangerAtTheNextSignIn(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	var untrusted flow.Untrusted
	rows := w.rowsDuring(func() {
		var err error
		untrusted, err = w.devices.Untrust(t.Context(), operator, grant.Session.DeviceID, false, "sold")
		w.must(err)
	})
	expectTypes(t, rows, "authn.device.untrusted.v1")
	row, told := decoded(t, rows, "authn.device.untrusted.v1", new(eventv1.DeviceUntrusted))
	if told.GetUserId() != grant.Session.UserID || told.GetDeviceId() != grant.Session.DeviceID || told.GetCause() != "operator" ||
		!told.GetUntrustedAt().AsTime().Equal(w.clock.Now()) {
		t.Errorf("told of device %s of %s because of %q", told.GetDeviceId(), told.GetUserId(), told.GetCause())
	}
	if row.Key != grant.Session.UserID || row.UserVersion != w.user(grant.Session.UserID).Version {
		t.Errorf("the event is of %q at version %d", row.Key, row.UserVersion)
	}
	if len(untrusted.Sessions) != 0 || w.trusted(grant.Session.DeviceID) {
		t.Errorf("trusted %t, ended %v", w.trusted(grant.Session.DeviceID), untrusted.Sessions)
	}
	want := audit.Record{
		At: w.clock.Now(), Actor: operator.Actor, Action: "device.untrust", Target: audit.Target{Kind: "device", ID: grant.Session.DeviceID},
		Authority: operator.Authority, Reason: "sold", Outcome: audit.Done, RequestID: operator.RequestID,
		Detail: map[string]string{"user_id": grant.Session.UserID, "ended_sessions": "[]"},
	}
	if diff := cmp.Diff(want, w.lastAudit(), cmpopts.IgnoreFields(audit.Record{}, "ID", "Sequence", "Network")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
	// The session that is open goes on, and the next one needs a second check.
	_, err := laptop.refresh(grant.RefreshToken)
	w.must(err)
	expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
}

// A sign-in that began while the device was known isn't worth more than one that begins afterwards.
func TestASignInUnderWayHearsThatItsDeviceIsUntrusted(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	begun := laptop.signIn(ada)
	_, err := w.devices.Untrust(t.Context(), operator, grant.Session.DeviceID, false, "")
	w.must(err)
	expectStep(t, begun.answer(password(right)), attempt.DeviceVerification, "")
}

func TestADevicesSessionsEndWithItsTrustWhereThatIsAskedFor(t *testing.T) {
	w := newWorld(t)
	laptop, elsewhere := w.laptop(), w.stranger()
	here := []flow.Grant{laptop.enrol(ada, right)}
	w.clock.advance(time.Second)
	here = append(here, laptop.enter(ada, right))
	w.clock.advance(time.Second)
	there := elsewhere.enter(ada, right)
	var untrusted flow.Untrusted
	rows := w.rowsDuring(func() {
		var err error
		untrusted, err = w.devices.Untrust(t.Context(), operator, here[0].Session.DeviceID, true, "")
		w.must(err)
	})
	expectTypes(t, rows, "authn.device.untrusted.v1", "revocation.session.v1", "authn.session.revoked.v1", "revocation.session.v1", "authn.session.revoked.v1")
	if diff := cmp.Diff([]string{here[0].Session.ID, here[1].Session.ID}, untrusted.Sessions); diff != "" {
		t.Errorf("ended (-want +got):\n%s", diff)
	}
	for _, g := range here {
		if s := w.session(g.Session.ID); s.End != session.EndRevoked {
			t.Errorf("%s ended as %q", s.ID, s.End)
		}
	}
	if s := w.session(there.Session.ID); !s.EndedAt.IsZero() {
		t.Error("a session on another device ended")
	}
}

func TestADeviceIsUntrustedOnceAndAuditedEachTime(t *testing.T) {
	w := newWorld(t)
	grant := w.laptop().enrol(ada, right)
	first, err := w.devices.Untrust(t.Context(), operator, grant.Session.DeviceID, false, "")
	w.must(err)
	w.clock.advance(time.Hour)
	audits := len(w.audits())
	rows := w.rowsDuring(func() {
		again, err := w.devices.Untrust(t.Context(), operator, grant.Session.DeviceID, false, "")
		w.must(err)
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("the second answer differs (-first +second):\n%s", diff)
		}
	})
	expectTypes(t, rows)
	if got := len(w.audits()) - audits; got != 1 {
		t.Errorf("%d audit records of the second time; want 1", got)
	}
	// Its sessions can still be ended.
	rows = w.rowsDuring(func() {
		_, err := w.devices.Untrust(t.Context(), operator, grant.Session.DeviceID, true, "")
		w.must(err)
	})
	expectTypes(t, rows, "revocation.session.v1", "authn.session.revoked.v1")
	_, err = w.devices.Untrust(t.Context(), operator, "dev_unknown", true, "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}

func TestDevicesAreListedOldestFirst(t *testing.T) {
	w := newWorld(t)
	first := w.laptop().enrol(ada, right).Session
	w.clock.advance(time.Second)
	second := w.stranger().enter(ada, right).Session
	devices, err := w.devices.List(t.Context(), flow.Whose{Email: ada})
	w.must(err)
	if len(devices) != 2 || devices[0].ID != first.DeviceID || devices[1].ID != second.DeviceID {
		t.Errorf("devices %v", devices)
	}
	_, err = w.devices.List(t.Context(), flow.Whose{Email: nobody})
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
}
