package e2e_test

import (
	"context"
	"strings"
	"testing"

	doorward "github.com/doorward/doorward/sdk"
	"github.com/doorward/doorward/test/deployment"
)

// TestARestoredSuiteLetsNothingOldIn: the disk of all three services is lost while a backend that guards itself by session tokens goes on.
func TestARestoredSuiteLetsNothingOldIn(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 3*deployment.Patience)
	defer cancel()
	d := deployment.Start(t)
	app := newApplication(ctx, t, d)
	ada, bea := app.signUp(at(t, "DE", "Firefox/144.0")), app.signUp(at(t, "DE", "Firefox/144.0"))
	must(t, app.accepts(ada.grant.SessionToken))
	d.Command("backup", "--dir", "backups", "--certs", "certs", "--authn", d.Authn.Address, "--risk", d.Risk.Address, "--notify", d.Notify.Address)

	later := *bea
	app.take(app.signIn(later.email, later.password, later.from), &later)
	must(t, app.accepts(later.grant.SessionToken))
	for _, p := range []*deployment.Process{d.Notify, d.Authn, d.Risk} {
		p.Stop()
	}
	for service, tells := range map[string]string{"authn": "ended      2 sessions", "risk": "start risk", "notify": "start notify"} {
		if said := d.Command("restore", service, "--from", "backups", "--config", service+".yaml"); !strings.Contains(said, tells) {
			t.Errorf("restore %s says %q", service, said)
		}
	}
	d.Begin(d.Risk, d.Authn, d.Notify)

	for name, token := range map[string]doorward.Secret{
		"of the backup": ada.grant.SessionToken, "begun since": later.grant.SessionToken,
	} {
		deployment.Eventually(t, "the backend refuses the session token "+name, func() bool { return app.accepts(token) != nil })
	}
	for name, p := range map[string]*person{"of the backup": ada, "begun since": &later} {
		if err := app.refresh(p); err == nil {
			t.Errorf("the refresh token %s is good", name)
		}
	}

	// Ada's device is as the backup knows it; a stranger with her password needs her mailbox, and she is told.
	app.take(app.signIn(ada.email, ada.password, ada.from), ada)
	must(t, app.accepts(ada.grant.SessionToken))
	stranger := app.signIn(ada.email, ada.password, at(t, "BR", "Chrome/141.0"))
	if stranger.Next() != doorward.DeviceVerification {
		t.Fatalf("a stranger's next step is %v", stranger.Next())
	}
	app.passByMail(stranger, ada.email)
	deployment.Eventually(t, "Ada is alerted", func() bool { return len(titled(d, ada.email, alertSubject)) == 1 })
	d.StopAll()
}
