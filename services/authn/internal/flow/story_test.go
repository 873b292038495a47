package flow_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// TestTheStoryFromSignUpToANewPassword is the suite's story as far as authn tells it.
func TestTheStoryFromSignUpToANewPassword(t *testing.T) { tellStory(t, newWorld(t)) }

func tellStory(t *testing.T, w *world) {
	t.Helper()
	laptop, stranger := w.laptop(), w.stranger()
	owned := laptop.enrol(ada, right)
	userID := owned.Session.UserID

	w.clock.advance(time.Hour)
	again := laptop.enter(ada, right)
	if again.Session.DeviceID != owned.Session.DeviceID {
		t.Error("the second sign-in was on another device")
	}

	w.clock.advance(time.Hour)
	var stolen flow.Grant
	rows := w.rowsDuring(func() { stolen = stranger.enter(ada, right) })
	expectTypes(t, rows, "mail.send.v1", "authn.signin.succeeded.v1", "authn.signin.new_device.v1")

	alert, _ := decoded(t, rows, "authn.signin.new_device.v1", new(eventv1.SignInNewDevice))
	recipients, err := w.alerts.Prepare(t.Context(), alert.ID)
	w.must(err)
	if len(recipients) != 1 || recipients[0].Address != ada {
		t.Fatalf("recipients %v; want the owner's address", recipients)
	}

	w.clock.advance(30 * time.Second)
	outcome, err := w.alerts.Contain(t.Context(), flow.Command{
		SignInEventID: alert.ID, Address: ada, ContainToken: recipients[0].ContainToken, DeliveryID: "dlv_1",
	})
	w.must(err)
	if outcome != flow.Contained {
		t.Fatalf("outcome %q; want contained", outcome)
	}
	_, err = w.sessions.Verify(t.Context(), w.app, stolen.SessionToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)

	w.clock.advance(time.Minute)
	back := stranger.signIn(ada)
	rows = w.rowsDuring(func() {
		expectStep(t, back.answer(password(right)), attempt.Refused, attempt.PasswordContained)
		expectFault(t, back.prepare(), fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
		expectStep(t, back.answer(newPassword(another)), attempt.Refused, attempt.PasswordContained)
	})
	expectTypes(t, rows)

	home := laptop.signIn(ada)
	expectStep(t, home.answer(password(right)), attempt.EmailVerification, "")
	expectStep(t, home.answer(code(home.code())), attempt.NewPassword, "")
	rows = w.rowsDuring(func() { expectStep(t, home.answer(newPassword(another)), attempt.Done, "") })
	expectTypes(t, rows,
		"revocation.session.v1", "authn.session.revoked.v1", "revocation.session.v1", "authn.session.revoked.v1",
		"authn.credential.password_changed.v1", "authn.signin.succeeded.v1")
	if w.user(userID).Password.Contained() {
		t.Error("the new password counts as compromised")
	}
	for _, s := range []flow.Grant{owned, again} {
		if got := w.session(s.Session.ID); got.End != "password_changed" {
			t.Errorf("an earlier session ended as %q; want password_changed", got.End)
		}
	}

	laptop.enter(ada, another)
	expectFared(t, stranger.signIn(ada).answer(password(right)), attempt.Wrong, 4)
}

func TestSignUpStartsASessionOnATrustedDevice(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	var grant flow.Grant
	rows := w.rowsDuring(func() { grant = laptop.enrol(ada, right) })
	expectTypes(t, rows, "mail.send.v1", "authn.user.signed_up.v1", "authn.signin.succeeded.v1")
	row, succeeded := decoded(t, rows, "authn.signin.succeeded.v1", new(eventv1.SignInSucceeded))
	s := grant.Session
	if !succeeded.GetSignUp() || succeeded.GetSessionId() != s.ID || row.Key != s.UserID || row.UserVersion != 2 {
		t.Errorf("signin.succeeded of user %q, version %d: sign_up %v, session %q", row.Key, row.UserVersion, succeeded.GetSignUp(), succeeded.GetSessionId())
	}
	if s.SignInEventID != row.ID {
		t.Error("the session doesn't name the event of its sign-in")
	}
	if d := w.device(s.DeviceID); !d.Trusted(w.clock.Now()) || !d.Secret.Matches(grant.DeviceSecret) {
		t.Error("the device isn't trusted under the secret that was granted")
	}
	got, err := w.sessions.Verify(t.Context(), w.app, grant.SessionToken)
	w.must(err)
	want := flow.Verified{UserID: s.UserID, SessionID: s.ID, SessionExpiresAt: s.ExpiresAt}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the token names another session (-kept +verified):\n%s", diff)
	}
	if s.Audience != audience || s.Country != "CH" || s.About.System != "macOS" || !cmp.Equal(s.AMR, []string{"pwd", "otp"}) {
		t.Errorf("session for %q from %q on %q by %v", s.Audience, s.Country, s.About.System, s.AMR)
	}
}

func TestAKnownDeviceSignsInWithThePasswordOnly(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	first := laptop.enrol(ada, right)
	w.clock.advance(time.Hour)
	rows := w.rowsDuring(func() {
		done := laptop.signIn(ada).answer(password(right))
		expectStep(t, done, attempt.Done, "")
		expectFared(t, done, attempt.Accepted, 5)
		if done.Grant.DeviceSecret.Equal(first.DeviceSecret) {
			t.Error("the device secret didn't rotate")
		}
	})
	expectTypes(t, rows, "authn.signin.succeeded.v1")
	_, succeeded := decoded(t, rows, "authn.signin.succeeded.v1", new(eventv1.SignInSucceeded))
	if !succeeded.GetKnownDevice() || succeeded.GetDecisionId() != "dec_home" || !cmp.Equal(succeeded.GetAmr(), []string{"pwd"}) {
		t.Errorf("known %v, decision %q, amr %v", succeeded.GetKnownDevice(), succeeded.GetDecisionId(), succeeded.GetAmr())
	}
}

func TestTrustInADeviceExpires(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	laptop.enrol(ada, right)
	w.clock.advance(w.rules.DeviceTrustLifetime)
	expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
}

func TestAnUnknownDeviceIsVerifiedAndTheOwnerAlerted(t *testing.T) {
	w := newWorld(t)
	owned := w.laptop().enrol(ada, right)
	w.clock.advance(time.Hour)
	stranger := w.stranger()
	tr := stranger.signIn(ada)
	expectStep(t, tr.answer(password(right)), attempt.DeviceVerification, "")
	m := tr.mailed()
	if m.sealed.GetEmail() != ada || m.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_DEVICE_CODE {
		t.Errorf("mail to %q for %v", m.sealed.GetEmail(), m.sealed.GetPurpose())
	}
	if c := m.content; c.GetPlace().GetCountryCode() != "BR" || c.GetIp() != strangerIP || c.GetDevice().GetSystem() != "Windows" {
		t.Errorf("the mail tells of %v, %s, %v", c.GetPlace(), c.GetIp(), c.GetDevice())
	}
	var s flow.Grant
	rows := w.rowsDuring(func() { s = *tr.answer(code(m.content.GetCode())).Grant })
	expectTypes(t, rows, "authn.signin.succeeded.v1", "authn.signin.new_device.v1")
	row, told := decoded(t, rows, "authn.signin.new_device.v1", new(eventv1.SignInNewDevice))
	if told.GetUserId() != owned.Session.UserID || told.GetSessionId() != s.Session.ID || told.GetDevice().GetId() != s.Session.DeviceID ||
		told.GetPlace().GetCountryName() != "Brazil" || !told.GetSignedInAt().AsTime().Equal(w.clock.Now()) {
		t.Errorf("the alert's event: %v of %q", told.GetPlace(), told.GetUserId())
	}
	w.view(func(tx store.Tx) error {
		alert, found, err := tx.Alerts.Get(row.ID)
		if !found || alert.SessionID != s.Session.ID || alert.DeviceID != s.Session.DeviceID || !alert.At.Equal(w.clock.Now()) {
			t.Errorf("kept alert %v: %+v", found, alert)
		}
		return err
	})
	if w.session(s.Session.ID).SignInEventID != row.ID {
		t.Error("the session doesn't name the event that its owner is alerted by")
	}
	if s.Session.DeviceID == owned.Session.DeviceID {
		t.Error("the stranger took over the owner's device")
	}
	w.clock.advance(time.Minute)
	w.risk.answers(says(flow.GateOpen, attempt.Allow))
	expectTypes(t, w.rowsDuring(func() { stranger.enter(ada, right) }), "authn.signin.succeeded.v1")
}
