package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	doorward "github.com/doorward/doorward/sdk"
)

var (
	invitationToken = regexp.MustCompile(`dwi_[\w-]+`)
	invitationID    = regexp.MustCompile(`inv_[0-9a-z]+`)
)

// TestOperatorsInvitePeople closes sign-up, invites somebody by mail and somebody else by hand, and has both sign up or not.
func TestOperatorsInvitePeople(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	w := d.world(t)
	ada := signUp(ctx, t, w)
	c := d.console(ctx, t)
	from := doorward.From{IP: netip.MustParseAddr("127.0.0.1"), UserAgent: "test"}
	file := filepath.Join(t.TempDir(), "policy.yaml")
	must(t, os.WriteFile(file, []byte("restriction_access_mode: invitation_only\ninvitation_url: https://notes.example.com/join\n"), 0o600))
	c.say("policy", "apply", "-f", file)

	const bob, eve = "bob@example.com", "eve@example.com"
	c.shows([]string{"no such invitations"}, "invitations", "list")
	c.shows([]string{"may not sign up: invitation_required"}, "restrict", "explain", bob)
	c.shows([]string{"Bob@example.com is invited until ", ada.email + " has an account already: usr_"}, "invitations", "create", "Bob@example.com", ada.email, "--note", "starts in May")
	mail, err := w.Inbox.Await(ctx, bob, 0)
	must(t, err)
	if !strings.Contains(mail.Text, "https://notes.example.com/join\n") {
		t.Errorf("the mail doesn't say where to go:\n%s", mail.Text)
	}
	byMail := invitationToken.FindString(mail.Text)

	made := c.say("invitations", "create", eve, "--show-token")
	byHand, id := invitationToken.FindString(made), invitationID.FindString(made)
	if byHand == "" || id == "" {
		t.Fatalf("create prints:\n%s", made)
	}
	c.shows([]string{bob + " may sign up", "invited until ", "invitation_required", "lifted"}, "restrict", "explain", bob)
	list := c.say("invitations", "list", "--state", "pending")
	if !strings.Contains(list, id) || !strings.Contains(list, "starts in May") || strings.Contains(list, byHand) {
		t.Errorf("the list is\n%s", list)
	}
	c.shows([]string{"more: doorward invitations list --state pending --limit 1 --page inv_"}, "invitations", "list", "--state", "pending", "--limit", "1")
	c.shows([]string{`"state": `, `"INVITATION_STATE_PENDING"`}, "invitations", "list", "--email", bob, "--json")

	for _, token := range []string{"", byHand, "dwi_none"} {
		if _, err := w.Doorward.SignUpInvited(ctx, bob, doorward.SecretOf(token), from); err == nil {
			t.Errorf("%s signs up with the token %q", bob, token)
		}
	}
	a, err := w.Doorward.SignUpInvited(ctx, bob, doorward.SecretOf(byMail), from)
	must(t, err)
	must(t, a.NewPassword(ctx, ada.password))
	must(t, a.SendCode(ctx))
	coded, err := w.Inbox.Await(ctx, bob, mail.ID)
	must(t, err)
	must(t, a.Code(ctx, sixDigits.FindString(coded.Text)))
	if a.Next() != doorward.Done {
		t.Errorf("the sign-up's next step is %v", a.Next())
	}
	c.shows([]string{"accepted", "Bob@example.com"}, "invitations", "list", "--state", "accepted")

	c.shows([]string{"in the place of " + id + ", which is revoked"}, "invitations", "create", eve, "--show-token")
	c.shows([]string{"for " + eve + " is revoked"}, "invitations", "revoke", eve, "--note", "wrong address")
	c.shows([]string{id + " for " + eve + " is revoked"}, "invitations", "revoke", id)
	c.refuses("no invitation", "invitations", "revoke", eve)
	c.refuses("nothing was changed: INVALID_FIELD", "invitations", "create", "new@example.com", "nobody")
	c.shows([]string{"warning: any@mailinator.com may not sign up all the same: disposable_domain"}, "invitations", "create", "any@mailinator.com")
}
