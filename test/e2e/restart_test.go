package e2e_test

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/sdk/verify"
	"github.com/doorward/doorward/test/deployment"
)

const (
	alertSubject   = "New sign-in"
	confirmSubject = "We ended the sign-in"
)

// TestStoryOutlivesRestarts plays the story with every process stopped, killed or missing at the moment at which the next step needs it.
func TestStoryOutlivesRestarts(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*deployment.Patience)
	defer cancel()
	d := deployment.Start(t)
	app := newApplication(ctx, t, d)
	secrets := map[string]string{}
	keep := func(more map[string]string) { maps.Copy(secrets, more) }

	// authn is restarted between the sign-up and the sign-in: keys, device and session are the same.
	ada := app.signUp(at(t, "DE", "Firefox/144.0"))
	keep(ada.secrets("Ada"))
	d.Restart(d.Authn)
	must(t, app.accepts(ada.grant.SessionToken))
	must(t, app.refresh(ada))
	keep(ada.secrets("Ada, refreshed"))
	app.take(app.signIn(ada.email, ada.password, ada.from), ada)
	keep(ada.secrets("Ada, again"))

	// authn dies the moment after it gave the session away, and notify is down: the alert waits in authn's outbox.
	stranger := &person{email: ada.email, password: ada.password, from: at(t, "BR", "Chrome/141.0")}
	attempt := app.signIn(stranger.email, stranger.password, stranger.from)
	seen := len(d.Mails(ada.email))
	must(t, attempt.SendCode(ctx))
	code := app.code(ada.email, seen)
	d.Notify.Stop()
	must(t, attempt.Code(ctx, code))
	d.Authn.Kill()
	app.take(attempt, stranger)
	keep(stranger.secrets("the stranger"))
	d.Begin(d.Authn)
	must(t, app.accepts(stranger.grant.SessionToken))
	if alerts := titled(d, ada.email, alertSubject); len(alerts) != 0 {
		t.Fatalf("%d alerts came, though notify is down", len(alerts))
	}

	// notify comes back, with the portal restarted meanwhile: the alert comes, and its link works.
	d.Begin(d.Notify)
	d.Restart(d.Portal)
	var alerts []deployment.Mail
	deployment.Eventually(t, "the alert comes", func() bool { alerts = titled(d, ada.email, alertSubject); return len(alerts) > 0 })

	// The owner's answer is taken while authn is down: notify keeps it, and authn carries it out when it is back.
	d.Authn.Stop()
	answerNo(t, alerts[0])
	must(t, app.accepts(stranger.grant.SessionToken))
	d.Restart(d.Notify)
	d.Begin(d.Authn)
	deployment.Eventually(t, "the stranger's token is refused", func() bool {
		return errors.Is(app.accepts(stranger.grant.SessionToken), verify.ErrSessionEnded)
	})
	deployment.Eventually(t, "the containment is confirmed by mail", func() bool { return len(titled(d, ada.email, confirmSubject)) > 0 })
	if err := app.refresh(stranger); !refused(err, typev1.Reason_REASON_SESSION_ENDED) {
		t.Errorf("the stranger's refresh: %v", err)
	}
	attempt = app.signIn(stranger.email, stranger.password, stranger.from)
	if attempt.Next() != doorward.Refused || attempt.Refusal() != typev1.Reason_REASON_PASSWORD_CONTAINED {
		t.Errorf("the stranger's next step is %v", attempt.Next())
	}

	// One alert and one confirmation, in spite of all that.
	keep(secretsOf(t, d))
	for _, subject := range []string{alertSubject, confirmSubject} {
		if mails := titled(d, ada.email, subject); len(mails) != 1 {
			t.Errorf("%d mails %q came, want 1", len(mails), subject)
		}
	}

	// The mail server is away when the owner needs a code: it comes when the server is back, to an inbox that forgot the rest.
	attempt = app.signIn(ada.email, ada.password, ada.from)
	d.Inbox.Stop()
	must(t, attempt.SendCode(ctx))
	d.Begin(d.Inbox)
	must(t, attempt.Code(ctx, app.code(ada.email, 0)))
	ada.password = "a new one, " + ada.password
	must(t, attempt.NewPassword(ctx, ada.password))
	app.take(attempt, ada)
	keep(ada.secrets("Ada, with a new password"))
	must(t, app.accepts(ada.grant.SessionToken))

	keep(secretsOf(t, d))
	d.StopAll()
	expectSilence(t, d, secrets)
}

// TestSignInWithoutRisk: who is known gets by with the password, who isn't needs a code, and nobody gets in more easily.
func TestSignInWithoutRisk(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*deployment.Patience)
	defer cancel()
	d := deployment.Start(t)
	app := newApplication(ctx, t, d)
	ada := app.signUp(at(t, "DE", "Firefox/144.0"))
	elsewhere := at(t, "DE", "Chrome/141.0")
	// Whether authn went without risk shows in its log alone: that is the point.
	unanswered := func() int { return strings.Count(d.Authn.Log(), `"msg":"risk did not answer`) }
	signInBoth := func(risk string) {
		t.Helper()
		app.take(app.signIn(ada.email, ada.password, ada.from), ada)
		if unknown := app.signIn(ada.email, ada.password, elsewhere); unknown.Next() != doorward.DeviceVerification {
			t.Errorf("risk %s: on an unknown device the next step is %v", risk, unknown.Next())
		}
	}

	d.Risk.Stop()
	signInBoth("stopped")
	if unanswered() == 0 {
		t.Error("authn doesn't say that it went without risk")
	}
	d.Begin(d.Risk)
	deployment.Eventually(t, "risk is asked again", func() bool {
		before := unanswered()
		signInBoth("back")
		return unanswered() == before
	})
	d.Risk.Kill()
	signInBoth("killed")

	// A code still proves a device.
	attempt := app.signIn(ada.email, ada.password, elsewhere)
	app.passByMail(attempt, ada.email)
	if attempt.Next() != doorward.Done {
		t.Errorf("after the code the next step is %v", attempt.Next())
	}
	d.Begin(d.Risk)
	stopSilently(t, d, ada)
}

// TestSignInWithoutNATS: sign-in goes on, and what happened meanwhile reaches everybody afterwards.
func TestSignInWithoutNATS(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*deployment.Patience)
	defer cancel()
	d := deployment.Start(t)
	app := newApplication(ctx, t, d)
	ada := app.signUp(at(t, "DE", "Firefox/144.0"))

	d.NATS.Stop()
	if again := app.signIn(ada.email, ada.password, ada.from); again.Next() != doorward.Done {
		t.Errorf("without NATS the next step on the known device is %v", again.Next())
	}
	began := time.Now()
	said := d.Operator("sessions", "revoke", ada.grant.SessionID, "--note", "while NATS is down")
	if !strings.Contains(said, ada.grant.SessionID+" ended at ") {
		t.Errorf("revoke says %q", said)
	}
	if err := app.refresh(ada); !refused(err, typev1.Reason_REASON_SESSION_ENDED) {
		t.Errorf("the revoked session's refresh: %v", err)
	}
	d.Begin(d.NATS)
	deployment.Eventually(t, "the revocation reaches the guarded backend", func() bool {
		return errors.Is(app.accepts(ada.grant.SessionToken), verify.ErrSessionEnded)
	})
	t.Logf("refused %v after it was revoked, NATS having been away", time.Since(began).Round(time.Millisecond))
	if left := time.Until(ada.grant.SessionTokenExpiresAt); left <= 0 {
		t.Error("the token had expired by itself")
	}
	stopSilently(t, d, ada)
}
