package authn_test

import (
	"strings"
	"testing"
	"time"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
)

// TestStrangerIsContained is authn's part of the whole story: a stranger who has password and mailbox gets in, the owner answers the alert,
// and the stranger is out and stays out, while the owner sets a new password where they are known.
func TestStrangerIsContained(t *testing.T) {
	w := newWorld(t)
	w.unpaced()
	mails, events := w.mailbox(), w.nats.events(bus.StreamAuthn)
	app, notify := w.application(), w.withCertificate("notify")
	const email = "ada@example.org"

	home := laptop()
	owner := app.signUp(mails, home, email)
	x := app.startSignIn(home, email)
	x.done(x.password(ownersPassword))

	away := stranger()
	intruder := app.signInWithCode(mails, away, email)
	w.must(app.verify(intruder.GetSessionToken()))
	var alert eventv1.SignInNewDevice
	told := await(t, events, "authn.signin.new_device.v1", &alert)
	if alert.GetSessionId() != intruder.GetSessionId() || alert.GetIp() != away.GetIp() || told.User != owner.GetUserId() {
		t.Errorf("the alert is about %v", alert.GetSessionId())
	}

	prepared, err := notify.alerts.PrepareAlert(t.Context(), &authnv1.PrepareAlertRequest{EventId: told.ID})
	w.must(err)
	again, err := notify.alerts.PrepareAlert(t.Context(), &authnv1.PrepareAlertRequest{EventId: told.ID})
	w.must(err)
	if len(prepared.GetRecipients()) != 1 || prepared.GetRecipients()[0].GetEmail() != email ||
		prepared.GetRecipients()[0].GetContainToken() != again.GetRecipients()[0].GetContainToken() {
		t.Fatalf("%d recipients, or another token the second time", len(prepared.GetRecipients()))
	}
	command := &eventv1.ContainSession{
		SigninEventId: told.ID, Email: email, DeliveryId: id.New("dlv", time.Now()),
		ContainToken: prepared.GetRecipients()[0].GetContainToken(), Ip: home.GetIp(),
	}
	w.nats.send(command)
	var contained eventv1.SessionContained
	await(t, events, "authn.session.contained.v1", &contained)
	if got := contained.GetEndedSessionIds(); len(got) != 1 || got[0] != intruder.GetSessionId() {
		t.Errorf("ended sessions %v", got)
	}

	// The intruder's session is over, and the owner's isn't.
	refused(t, app.verify(intruder.GetSessionToken()), fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	_, err = app.sessions.RefreshSession(t.Context(), &authnv1.RefreshSessionRequest{Client: away, RefreshToken: intruder.GetRefreshToken()})
	if fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the intruder refreshes: %v", err)
	}
	w.must(app.verify(owner.GetSessionToken()))

	// The stranger tries again, with password and mailbox, on the device that was trusted for a moment and on a new one.
	for _, on := range []*typev1.ClientContext{away, stranger()} {
		x := app.startSignIn(on, email)
		x.at(authnv1.Step_STEP_REFUSED, x.password(ownersPassword))
		if x.attempt.GetRefusal() != typev1.Reason_REASON_PASSWORD_CONTAINED || x.attempt.GetGrant() != nil {
			t.Errorf("refused with %v", x.attempt.GetRefusal())
		}
		refused(t, x.prepare(), fault.Precondition, typev1.Reason_REASON_STEP_MISMATCH)
		x.at(authnv1.Step_STEP_REFUSED, x.newPassword("the stranger's own password"))
	}

	// The owner sets a new one. Their mail is the next: none was queued for the stranger.
	x = app.startSignIn(home, email)
	x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.password(ownersPassword))
	w.must(x.prepare())
	x.at(authnv1.Step_STEP_NEW_PASSWORD, x.code(mails.code(email, eventv1.MailPurpose_MAIL_PURPOSE_NEW_PASSWORD_CODE)))
	x.done(x.newPassword(nextPassword))
	x = app.startSignIn(home, email)
	x.at(authnv1.Step_STEP_FIRST_FACTOR, x.password(ownersPassword))
	x.done(x.password(nextPassword))

	// The command again, and one that was altered, change nothing.
	command.DeliveryId = id.New("dlv", time.Now())
	w.nats.send(command)
	command.ContainToken += "A"
	w.nats.send(command)
	w.nats.sendRaw([]byte("contain them all"))
	w.eventually("all commands are settled", func() bool {
		return w.metric("doorward_authn_containments_total") == 3 && w.metric("doorward_bus_deliveries_total") == 4
	})
	letters, err := bus.NewDead(w.nats.as(bus.Operator)).List(t.Context(), 0, 10)
	w.must(err)
	if len(letters) != 1 || letters[0].Owner != bus.Authn {
		t.Errorf("%d dead letters, want the one malformed command", len(letters))
	}

	w.expectNoSecrets(ownersPassword, nextPassword, intruder.GetSessionToken(), intruder.GetRefreshToken(), command.GetContainToken(),
		home.GetDeviceSecret(), email)
}

// expectNoSecrets looks through all that was logged, at every level.
func (w *world) expectNoSecrets(secrets ...string) {
	w.Helper()
	logged := w.log.String()
	if !strings.Contains(logged, "containment command settled") {
		w.Error("nothing was logged")
	}
	w.expectNotLogged(secrets...)
}

func (w *world) expectNotLogged(secrets ...string) {
	w.Helper()
	logged := w.log.String()
	for i, s := range secrets {
		if strings.Contains(logged, s) {
			w.Errorf("secret %d of this test is in the log", i)
		}
	}
}

// TestTakenAddressIsntTold: whoever signs up with somebody's address sees what a new user sees, and the owner gets a notice.
func TestTakenAddressIsntTold(t *testing.T) {
	w := newWorld(t)
	w.unpaced()
	mails, app := w.mailbox(), w.application()
	app.signUp(mails, laptop(), "ada@example.org")
	w.clock.forward(time.Minute) // another code may be sent to the address

	taken := app.startSignUp(stranger(), "ADA@example.org")
	free := app.startSignUp(stranger(), "eve@example.org")
	sizes := map[string]int{}
	for _, x := range []*try{taken, free} {
		x.at(authnv1.Step_STEP_NEW_PASSWORD, nil)
		x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.newPassword(nextPassword))
		w.must(x.prepare())
		sealed, content := mails.next()
		sizes[sealed.GetPurpose().String()] = len(sealed.GetCiphertext())
		notice := x == taken
		if notice != (sealed.GetPurpose() == eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN) || notice != (content.GetCode() == "") {
			t.Errorf("the mail is %v with a code of %d digits", sealed.GetPurpose(), len(content.GetCode()))
		}
		if notice && !strings.EqualFold(sealed.GetEmail(), "ada@example.org") {
			t.Errorf("the notice goes to %s", sealed.GetEmail())
		}
	}
	if sizes["MAIL_PURPOSE_SIGN_UP_TAKEN"] != sizes["MAIL_PURPOSE_SIGN_UP_CODE"] {
		t.Errorf("sealed sizes tell them apart: %v", sizes)
	}
	for _, x := range []*try{taken, free} {
		x.at(authnv1.Step_STEP_EMAIL_VERIFICATION, x.code("000000"))
	}
	if a, b := taken.attempt.GetLastAnswer(), free.attempt.GetLastAnswer(); a.GetOutcome() != b.GetOutcome() || a.GetAnswersLeft() != b.GetAnswersLeft() {
		t.Errorf("answers differ: %v and %v", a, b)
	}
}

// TestUnknownAddressAnswersLikeAKnownOne, step by step.
func TestUnknownAddressAnswersLikeAKnownOne(t *testing.T) {
	w := newWorld(t)
	w.unpaced()
	mails, app := w.mailbox(), w.application()
	app.signUp(mails, laptop(), "ada@example.org")
	known, unknown := app.startSignIn(stranger(), "ada@example.org"), app.startSignIn(stranger(), "nobody@example.org")
	for range 6 {
		for _, x := range []*try{known, unknown} {
			w.must(x.password(wrongPassword))
		}
		a, b := known.attempt, unknown.attempt
		if a.GetStep() != b.GetStep() || a.GetRefusal() != b.GetRefusal() || a.GetLastAnswer().GetAnswersLeft() != b.GetLastAnswer().GetAnswersLeft() ||
			len(a.GetOptions()) != len(b.GetOptions()) {
			t.Errorf("known %v, %v; unknown %v, %v", a.GetStep(), a.GetLastAnswer(), b.GetStep(), b.GetLastAnswer())
		}
	}
	if known.attempt.GetRefusal() != typev1.Reason_REASON_ATTEMPT_OVER {
		t.Errorf("after six wrong answers: %v", known.attempt.GetRefusal())
	}
}
