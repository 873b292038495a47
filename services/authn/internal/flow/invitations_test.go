package flow_test

import (
	"context"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func TestAnInvitationIsMailedAndItsTokenKeptNowhere(t *testing.T) {
	w := invitedOnly(t)
	w.rules.InvitationURL = "https://notes.example.org/" + strings.Repeat("j", 270)
	w.rules.InvitationLifetime = 48 * time.Hour
	results, err := w.invitations.Create(t.Context(), operator, []string{"Ada@example.org"}, false, "")
	w.must(err)
	made := results[0].Invitation
	if !results[0].Token.IsZero() {
		t.Error("a token that was mailed is in the answer")
	}
	mails := w.mails()
	if len(mails) != 1 {
		t.Fatalf("%d mails are queued", len(mails))
	}
	m := mails[0]
	if m.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_INVITATION || m.sealed.GetEmail() != "Ada@example.org" ||
		m.content.GetUrl() != w.rules.InvitationURL || !m.content.GetInvitationExpiresAt().AsTime().Equal(made.ExpiresAt) {
		t.Errorf("the mail is %v, of an invitation until %v", m.sealed.GetPurpose(), made.ExpiresAt)
	}
	if got := m.sealed.GetExpiresAt().AsTime().Sub(w.clock.Now()); got >= 24*time.Hour || got <= 0 {
		t.Errorf("the mail is tried for %s: its stream keeps it for a day", got)
	}
	token := secret.Wrap(m.content.GetCode())
	if kept := w.invitation(made.ID); !kept.Secret.Matches(token) || kept.Email != "Ada@example.org" {
		t.Errorf("kept %+v", kept)
	}
	for _, text := range []string{fmt.Sprintf("%+v", w.invitation(made.ID)), fmt.Sprintf("%+v", w.audits()), fmt.Sprintf("%+v", results)} {
		if strings.Contains(text, token.Reveal()) {
			t.Error("the token is kept, or printed")
		}
	}
	// Its size tells nothing of what it is.
	tr := w.laptop().signUpInvited(ada, token)
	tr.answer(newPassword(right))
	if other := tr.mailed(); len(other.sealed.GetCiphertext()) != len(m.sealed.GetCiphertext()) {
		t.Errorf("an invitation's mail has %d bytes, a code's %d", len(m.sealed.GetCiphertext()), len(other.sealed.GetCiphertext()))
	}
}

func TestAShortInvitationsMailEndsWithIt(t *testing.T) {
	w := newWorld(t)
	w.rules.InvitationLifetime = time.Hour
	_, err := w.invitations.Create(t.Context(), operator, []string{ada}, false, "")
	w.must(err)
	if got := w.mails()[0].sealed.GetExpiresAt().AsTime(); !got.Equal(w.clock.Now().Add(time.Hour)) {
		t.Errorf("the mail ends at %v", got)
	}
}

func TestInvitationsAreMadeWholeAndAudited(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(nobody, right).Session.UserID
	audits := len(w.audits())
	rows := w.rowsDuring(func() {
		_, err := w.invitations.Create(t.Context(), operator, []string{ada, "nobody", "ADA@example.org", "Bob <bob@example.org>"}, false, "")
		expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
		told, _ := fault.As(err)
		var names []string
		for _, f := range told.Fields {
			names = append(names, f.Name)
		}
		if diff := cmp.Diff([]string{"emails[1]", "emails[2]", "emails[3]"}, names); diff != "" {
			t.Errorf("fields (-want +got):\n%s", diff)
		}
	})
	if len(rows) != 0 || len(w.audits()) != audits {
		t.Error("something was changed")
	}

	var results []flow.Invited
	rows = w.rowsDuring(func() {
		var err error
		results, err = w.invitations.Create(t.Context(), operator, []string{nobody, "ADA@example.org"}, false, "asked for it")
		w.must(err)
	})
	expectTypes(t, rows, "mail.send.v1")
	if results[0].UserID != userID || results[0].Invitation.ID != "" || results[1].Email != "ADA@example.org" {
		t.Errorf("results %+v", results)
	}
	made := results[1].Invitation
	r := w.lastAudit()
	want := map[string]string{"email": ada, "expires_at": "2026-04-01T09:00:00Z", "mailed": "true", "replaced_id": ""}
	if diff := cmp.Diff(want, r.Detail); diff != "" || r.Action != "invitation.create" || r.Target.ID != made.ID || r.Reason != "asked for it" || r.Actor != operator.Actor {
		t.Errorf("the record is %+v (-want +got):\n%s", r, diff)
	}
}

func TestRevokingIsAuditedOnceAndEndsWhatIsPendingAlone(t *testing.T) {
	w := newWorld(t)
	_, err := w.invitations.Revoke(t.Context(), operator, "inv_unknown", "", "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	_, err = w.invitations.Revoke(t.Context(), operator, "", ada, "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	_, err = w.invitations.Revoke(t.Context(), operator, "", "ada", "")
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)

	invited := w.invite(ada)
	ended, err := w.invitations.Revoke(t.Context(), operator, "", "ADA@example.org", "wrong address")
	w.must(err)
	if ended.ID != invited.Invitation.ID || ended.RevokedBy != operator.ID {
		t.Errorf("ended %+v", ended)
	}
	r := w.lastAudit()
	if r.Action != "invitation.revoke" || r.Target.ID != ended.ID || r.Reason != "wrong address" || r.Detail["email"] != ada {
		t.Errorf("the record is %+v", r)
	}
	audits := len(w.audits())
	w.clock.advance(time.Minute)
	again, err := w.invitations.Revoke(t.Context(), operator, ended.ID, "", "")
	w.must(err)
	if diff := cmp.Diff(ended, again); diff != "" || len(w.audits()) != audits {
		t.Errorf("again (-first +second):\n%s", diff)
	}
	accepted := w.invite(ada)
	w.laptop().signUpInvited(ada, accepted.Token).finish()
	if kept, err := w.invitations.Revoke(t.Context(), operator, accepted.Invitation.ID, "", ""); err != nil || kept.AcceptedBy == "" || !kept.RevokedAt.IsZero() {
		t.Errorf("an accepted one became %+v, %v", kept, err)
	}
}

func TestInvitationsAreListedByStateAndAddress(t *testing.T) {
	w := newWorld(t)
	var ids []string
	for _, address := range []string{ada, nobody, ada, "any@example.org"} {
		w.clock.advance(time.Second)
		ids = append(ids, w.invite(address).Invitation.ID)
	}
	list := func(which flow.Which, before string, limit int) (found []string, next string) {
		t.Helper()
		page, next, err := w.invitations.List(t.Context(), which, before, limit)
		w.must(err)
		for _, i := range page {
			found = append(found, i.ID)
		}
		return found, next
	}
	want := func(what string, which flow.Which, ids ...string) {
		t.Helper()
		var found []string
		for next, pages := "", 0; pages == 0 || next != ""; pages++ {
			var page []string
			page, next = list(which, next, 1)
			found = append(found, page...)
		}
		if diff := cmp.Diff(ids, found); diff != "" {
			t.Errorf("%s, page by page (-want +got):\n%s", what, diff)
		}
		if whole, next := list(which, "", 10); next != "" || cmp.Diff(ids, whole) != "" {
			t.Errorf("%s: %v, then %q", what, whole, next)
		}
	}
	want("all", flow.Which{}, ids[3], ids[2], ids[1], ids[0])
	want("pending", flow.Which{State: invitation.Pending}, ids[3], ids[2], ids[1])
	want("revoked", flow.Which{State: invitation.Revoked}, ids[0])
	want("ada's", flow.Which{Email: "ADA@example.org"}, ids[2], ids[0])
	want("ada's pending", flow.Which{Email: ada, State: invitation.Pending}, ids[2])
	want("accepted", flow.Which{State: invitation.Accepted})
	_, _, err := w.invitations.List(t.Context(), flow.Which{Email: "ada"}, "", 1)
	expectFault(t, err, fault.Invalid, typev1.Reason_REASON_INVALID_FIELD)
}

func TestExplainTellsOfAPendingInvitation(t *testing.T) {
	w := invitedOnly(t)
	invited := w.invite(ada)
	told, err := w.restrictions.Explain(t.Context(), "ADA@example.org", netip.Addr{})
	w.must(err)
	if !told.Allowed || told.Invitation.ID != invited.Invitation.ID || told.Findings[0].Invitation != invited.Invitation.ID {
		t.Errorf("told %+v", told)
	}
	w.revokeInvitation(invited.Invitation.ID)
	if told, err = w.restrictions.Explain(t.Context(), ada, netip.Addr{}); err != nil || told.Allowed || told.Invitation.ID != "" {
		t.Errorf("without one: %+v, %v", told, err)
	}
}

func TestInvitationsThatHaveEndedAreForgottenAfter30Days(t *testing.T) {
	w := newWorld(t)
	kept, gone := w.invite(ada), w.invite(nobody)
	w.revokeInvitation(gone.Invitation.ID)
	w.clock.advance(30 * 24 * time.Hour)
	w.must(w.sweeper.Sweep(t.Context()))
	if w.invitation(gone.Invitation.ID).ID == "" {
		t.Error("forgotten at 30 days")
	}
	w.clock.advance(time.Second)
	w.must(w.sweeper.Sweep(t.Context()))
	if w.invitation(gone.Invitation.ID).ID != "" || w.invitation(kept.Invitation.ID).ID == "" {
		t.Error("the wrong ones were forgotten")
	}
}

func TestNoInvitationOutlivesARestore(t *testing.T) {
	w := invitedOnly(t)
	revoked, pending := w.invite(nobody), w.invite(ada)
	w.revokeInvitation(revoked.Invitation.ID)
	was := w.invitation(revoked.Invitation.ID)
	for i := range 5 { // more than two batches
		var hundred []string
		for j := range 100 {
			hundred = append(hundred, fmt.Sprintf("u%d-%d@example.org", i, j))
		}
		_, err := w.invitations.Create(t.Context(), operator, hundred, true, "")
		w.must(err)
	}
	w.clock.advance(time.Minute)
	done, err := w.restore()
	w.must(err)
	if done.Invitations != 501 {
		t.Errorf("%d ended", done.Invitations)
	}
	_, err = w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, pending.Token)
	expectFault(t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
	if ended := w.invitation(pending.Invitation.ID); ended.RevokedBy != operator.ID {
		t.Errorf("one that was pending is %+v", ended)
	}
	if diff := cmp.Diff(was, w.invitation(revoked.Invitation.ID)); diff != "" {
		t.Errorf("one that was revoked before (-before +after):\n%s", diff)
	}
}

// crowded is a store with as many invitations as can be.
type crowded struct{ store.Store }

func (c crowded) Update(ctx context.Context, fn func(store.Tx) error) error {
	return c.Store.Update(ctx, func(tx store.Tx) error {
		tx.Invitations = crowdedInvitations{tx.Invitations}
		return fn(tx)
	})
}

type crowdedInvitations struct{ store.Invitations }

func (c crowdedInvitations) Count() (int, error) {
	n, err := c.Invitations.Count()
	return n + flow.MaxInvitations - 1, err
}

func TestInvitationsAreBounded(t *testing.T) {
	w := newWorld(t)
	w.through(crowded{w.store})
	w.invite(ada)
	audits := len(w.audits())
	_, err := w.invitations.Create(t.Context(), operator, []string{nobody}, false, "")
	expectFault(t, err, fault.Precondition, typev1.Reason_REASON_LISTS_FULL)
	if len(w.audits()) != audits || len(w.mails()) != 0 {
		t.Error("something was changed")
	}
	if r := w.lastAudit(); r.Outcome != audit.Done {
		t.Errorf("the last record is %+v", r)
	}
}
