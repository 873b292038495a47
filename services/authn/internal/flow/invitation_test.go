package flow_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/invitation"
	"github.com/doorward/doorward/services/authn/internal/restriction"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// invitedOnly is a world in which nobody signs up without an invitation.
func invitedOnly(t *testing.T) *world {
	t.Helper()
	w := newWorld(t)
	w.rules.RestrictionAccessMode = restriction.InvitationOnly
	return w
}

// invite invites an address, and returns the token instead of having it mailed.
func (w *world) invite(address string) flow.Invited {
	w.t.Helper()
	results, err := w.invitations.Create(w.t.Context(), operator, []string{address}, true, "asked for it")
	w.must(err)
	if len(results) != 1 || results[0].Token.IsZero() {
		w.t.Fatalf("results %+v", results)
	}
	return results[0]
}

func (w *world) revokeInvitation(id string) {
	w.t.Helper()
	_, err := w.invitations.Revoke(w.t.Context(), operator, id, "", "")
	w.must(err)
}

// invitation is an invitation as it is kept.
func (w *world) invitation(id string) invitation.Invitation {
	w.t.Helper()
	var kept invitation.Invitation
	w.view(func(tx store.Tx) (err error) {
		kept, _, err = tx.Invitations.Get(id)
		return err
	})
	return kept
}

func (w *world) invitationState(id string) invitation.State {
	w.t.Helper()
	kept := w.invitation(id)
	return kept.State(w.clock.Now())
}

// finish walks a sign-up from its new password to its end.
func (tr *trial) finish() flow.Progress {
	tr.b.w.t.Helper()
	expectStep(tr.b.w.t, tr.answer(newPassword(right)), attempt.EmailVerification, "")
	return tr.answer(code(tr.code()))
}

// barred wants a sign-up with a token refused, as one without is, and the operator told why.
func (b *browser) barred(address string, token secret.Text, why string) {
	b.w.t.Helper()
	rows := b.w.rowsDuring(func() {
		_, err := b.w.attempts.StartSignUp(b.w.t.Context(), b.app, b.client, address, token)
		expectFault(b.w.t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
		if told := b.w.lastAudit().Detail["findings"]; told != "invitation_required refuses "+why {
			b.w.t.Errorf("%s: the operator reads %q", why, told)
		}
		_, plain := b.w.attempts.StartSignUp(b.w.t.Context(), b.app, b.client, address, secret.Text{})
		if err == nil || plain == nil || err.Error() != plain.Error() {
			b.w.t.Errorf("%s: %v, and without a token %v", why, err, plain)
		}
	})
	if len(rows) != 0 {
		b.w.t.Errorf("%s: it causes %v", why, types(rows))
	}
}

func TestWhoIsInvitedSignsUpOnce(t *testing.T) {
	w := invitedOnly(t)
	w.laptop().refused(ada)
	invited := w.invite("Ada@EXAMPLE.org")
	var done flow.Progress
	rows := w.rowsDuring(func() { done = w.laptop().signUpInvited(ada, invited.Token).finish() })
	expectStep(t, done, attempt.Done, "")
	_, told := decoded(t, rows, "authn.user.signed_up.v1", new(eventv1.UserSignedUp))
	userID := done.Grant.Session.UserID
	if told.GetInvitationId() != invited.Invitation.ID || told.GetUserId() != userID {
		t.Errorf("told of %s with %q", told.GetUserId(), told.GetInvitationId())
	}
	kept := w.invitation(invited.Invitation.ID)
	if kept.State(w.clock.Now()) != invitation.Accepted || kept.AcceptedBy != userID || !kept.AcceptedAt.Equal(w.clock.Now()) {
		t.Errorf("kept %+v", kept)
	}
	w.stranger().barred(ada, invited.Token, kept.ID+" accepted")
}

func TestWhatIsWrongWithAnInvitationIsForOperatorsToSee(t *testing.T) {
	w := invitedOnly(t)
	w.laptop().barred(ada, secret.New("dwi"), "unknown invitation")
	other := w.invite(nobody)
	w.laptop().barred(ada, other.Token, other.Invitation.ID+" for another address")
	w.laptop().barred("ada@example.org.evil.example", other.Token, other.Invitation.ID+" for another address")

	replaced, late := w.invite(ada), w.invite(ada)
	if late.ReplacedID != replaced.Invitation.ID {
		t.Errorf("the second takes the place of %q", late.ReplacedID)
	}
	w.laptop().barred(ada, replaced.Token, replaced.Invitation.ID+" revoked")
	w.clock.advance(w.rules.InvitationLifetime)
	w.laptop().barred(ada, late.Token, late.Invitation.ID+" expired")
	revoked := w.invite(ada)
	w.revokeInvitation(revoked.Invitation.ID)
	w.laptop().barred(ada, revoked.Token, revoked.Invitation.ID+" revoked")
	if got := w.restricted("invitation_required"); got == 0 {
		t.Error("they aren't counted")
	}
}

func TestAnInvitationIsForTheAddressInAnySpelling(t *testing.T) {
	w := invitedOnly(t)
	invited := w.invite("ada@bücher.example")
	w.laptop().barred("ada@bucher.example", invited.Token, invited.Invitation.ID+" for another address")
	expectStep(t, w.laptop().signUpInvited("ADA@xn--bcher-kva.example", invited.Token).finish(), attempt.Done, "")
}

// An invitation may reach its address by ways that authn doesn't know, so it proves nothing about who reads it.
func TestAnInvitedSignUpStillVerifiesItsAddress(t *testing.T) {
	w := invitedOnly(t)
	tr := w.stranger().signUpInvited(ada, w.invite(ada).Token)
	tr.answer(newPassword(right))
	p := tr.answer(code("000000"))
	expectStep(t, p, attempt.EmailVerification, "")
	if p.Answer.Outcome != attempt.Wrong {
		t.Errorf("a guessed code is %s", p.Answer.Outcome)
	}
}

func TestAnInvitationIsLookedAtAgainAtTheEnd(t *testing.T) {
	for name, spoil := range map[string]func(*world, flow.Invited){
		"revoked":  func(w *world, i flow.Invited) { w.revokeInvitation(i.Invitation.ID) },
		"replaced": func(w *world, _ flow.Invited) { w.invite(ada) },
		"expired":  func(w *world, _ flow.Invited) { w.clock.advance(time.Minute) },
		"deleted": func(w *world, i flow.Invited) {
			w.update(func(tx store.Tx) error {
				_, err := tx.Invitations.DeleteEnded(i.Invitation.ExpiresAt.Add(1), 1)
				return err
			})
		},
		"restored": func(w *world, i flow.Invited) {
			// What a restore leaves; it ends the attempts too.
			w.update(func(tx store.Tx) error {
				kept, _, err := tx.Invitations.Get(i.Invitation.ID)
				if err == nil && kept.Revoke("authn", w.clock.Now()) {
					err = tx.Invitations.Put(kept)
				}
				return err
			})
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := invitedOnly(t)
			invited := w.invite(ada)
			w.clock.advance(w.rules.InvitationLifetime - time.Minute)
			tr := w.laptop().signUpInvited(ada, invited.Token)
			tr.answer(newPassword(right))
			mailed := tr.code()
			spoil(w, invited)
			rows := w.rowsDuring(func() { expectStep(t, tr.answer(code(mailed)), attempt.Refused, attempt.Restricted) })
			if r := w.lastAudit(); len(rows) != 0 || r.Action != "sign_up.restrict" || r.Reason != "invitation_required" {
				t.Errorf("it causes %v, and the last record is %+v", types(rows), r)
			}
			w.laptop().refused(ada)
		})
	}
}

func TestASignUpThatBeganInOpenModeIsRefusedWhenSignUpClosed(t *testing.T) {
	w := newWorld(t)
	plain, invited := w.laptop().signUp(ada), w.stranger().signUpInvited(nobody, w.invite(nobody).Token)
	w.rules.RestrictionAccessMode = restriction.InvitationOnly
	expectStep(t, plain.finish(), attempt.Refused, attempt.Restricted)
	expectStep(t, invited.finish(), attempt.Done, "")
}

func TestOfManySignUpsWithOneInvitationOneMakesAnAccount(t *testing.T) {
	w := invitedOnly(t)
	invited := w.invite(ada)
	const callers = 8
	trials, codes := make([]*trial, callers), make([]string, callers)
	for i := range trials {
		trials[i] = w.laptop().signUpInvited(ada, invited.Token)
		trials[i].answer(newPassword(right))
		codes[i] = w.setCode(trials[i].Attempt.ID)
	}
	ends := make([]flow.Progress, callers)
	errs := make([]error, callers)
	rows := w.rowsDuring(func() {
		start := make(chan struct{})
		var all sync.WaitGroup
		for i, tr := range trials {
			all.Go(func() {
				<-start
				ends[i], errs[i] = tr.try(code(codes[i]))
			})
		}
		close(start)
		all.Wait()
	})
	made := 0
	for i, p := range ends {
		w.must(errs[i])
		if p.Grant != nil {
			made++
		} else {
			expectStep(t, p, attempt.Refused, attempt.Over)
		}
	}
	signedUp := 0
	for _, name := range types(rows) {
		if name == "authn.user.signed_up.v1" {
			signedUp++
		}
	}
	if made != 1 || signedUp != 1 {
		t.Errorf("%d accounts were made, %d told", made, signedUp)
	}
}

// An account's address may become free again, so the invitation itself must be used up.
func TestAnAcceptedInvitationMakesNoSecondAccount(t *testing.T) {
	w := invitedOnly(t)
	invited := w.invite(ada)
	first, second := w.laptop().signUpInvited(ada, invited.Token), w.stranger().signUpInvited(ada, invited.Token)
	second.answer(newPassword(another))
	mailed := second.code()
	w.nextCode()
	userID := first.finish().Grant.Session.UserID
	w.update(func(tx store.Tx) error {
		user, _, err := tx.Users.Get(userID)
		if err != nil {
			return err
		}
		user.Emails[0].RemovedAt = w.clock.Now()
		return tx.Users.Put(user)
	})
	expectStep(t, second.answer(code(mailed)), attempt.Refused, attempt.Restricted)
	if told := w.lastAudit().Detail["findings"]; told != "invitation_required refuses "+invited.Invitation.ID+" accepted" {
		t.Errorf("the operator reads %q", told)
	}
}

func TestAnInvitationOpensTheAccessModeAlone(t *testing.T) {
	w := invitedOnly(t)
	w.put(restriction.Block, "blocked.example", strangerIP)
	for _, address := range []string{"any@blocked.example", "any@mailinator.com"} {
		invited := w.invite(address)
		if invited.RefusedBy == "" || invited.Invitation.ID == "" {
			t.Errorf("%s: the operator is warned of %q", address, invited.RefusedBy)
		}
		_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, address, invited.Token)
		expectFault(t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
		if r := w.lastAudit(); r.Reason != string(invited.RefusedBy) || !strings.HasPrefix(r.Detail["findings"], "invitation_required lifted "+invited.Invitation.ID) {
			t.Errorf("%s: the record is %+v", address, r)
		}
	}
	invited := w.invite(ada)
	if invited.RefusedBy != "" {
		t.Errorf("%s is refused by %s", ada, invited.RefusedBy)
	}
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.stranger().client, ada, invited.Token)
	expectFault(t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
	w.rules.RestrictionAllowlist = restriction.AllowlistRequired
	_, err = w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, invited.Token)
	expectFault(t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
	w.put(restriction.Allow, ada)
	w.laptop().signUpInvited(ada, invited.Token)
}

func TestInOpenModeAGoodInvitationIsAcceptedAndAnyOtherIgnored(t *testing.T) {
	w := newWorld(t)
	invited := w.invite(ada)
	expectStep(t, w.stranger().signUpInvited(nobody, invited.Token).finish(), attempt.Done, "")
	if state := w.invitationState(invited.Invitation.ID); state != invitation.Pending {
		t.Errorf("another address's sign-up left it %s", state)
	}
	expectStep(t, w.stranger().signUpInvited("any@example.org", secret.New("dwi")).finish(), attempt.Done, "")
	done := w.laptop().signUpInvited(ada, invited.Token).finish()
	expectStep(t, done, attempt.Done, "")
	if kept := w.invitation(invited.Invitation.ID); kept.AcceptedBy != done.Grant.Session.UserID {
		t.Errorf("accepted by %q", kept.AcceptedBy)
	}
}

// Whoever holds a token learns nothing of whether the address has an account, and leaves the invitation as it was.
func TestATakenAddressLooksTheSameToWhoIsInvited(t *testing.T) {
	w := newWorld(t)
	taken, free := w.invite(ada), w.invite("free@example.org")
	w.laptop().enrol(ada, right) // without the invitation
	w.rules.RestrictionAccessMode = restriction.InvitationOnly
	begin := func(address string, token secret.Text) (sights []seen, m mail) {
		w.nextCode()
		tr := w.stranger().signUpInvited(address, token)
		sights = append(sights, sight(tr.Progress), sight(tr.answer(newPassword(another))))
		return sights, tr.mailed()
	}
	want, _ := begin("free@example.org", free.Token)
	got, notice := begin(ada, taken.Token)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-free +taken):\n%s", diff)
	}
	if notice.sealed.GetPurpose() != eventv1.MailPurpose_MAIL_PURPOSE_SIGN_UP_TAKEN {
		t.Errorf("the owner's mail is for %v", notice.sealed.GetPurpose())
	}
	if state := w.invitationState(taken.Invitation.ID); state != invitation.Pending {
		t.Errorf("the invitation is %s", state)
	}
}

func TestAMailboxThatIsTakenIsNoWayRoundForWhoIsInvited(t *testing.T) {
	w := invitedOnly(t)
	w.rules.RestrictionSubaddresses = restriction.OnePerMailbox
	expectStep(t, w.laptop().signUpInvited(ada, w.invite(ada).Token).finish(), attempt.Done, "")
	tagged := "ada+two@example.org"
	invited := w.invite(tagged)
	tr := w.stranger().signUpInvited(tagged, invited.Token)
	tr.answer(newPassword(another))
	expectStep(t, tr.answer(code(w.setCode(tr.Attempt.ID))), attempt.Refused, attempt.Over)
	// An entry for the very address lifts it, with an invitation as without.
	w.put(restriction.Allow, tagged)
	w.nextCode()
	expectStep(t, w.stranger().signUpInvited(tagged, invited.Token).finish(), attempt.Done, "")
}

func TestWrongTokensAreSlowedAsStartsAre(t *testing.T) {
	w := invitedOnly(t)
	w.rules.RateIdentifierStarts = 2
	for range 2 {
		_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.New("dwi"))
		expectFault(t, err, fault.Denied, typev1.Reason_REASON_SIGN_UP_RESTRICTED)
	}
	_, err := w.attempts.StartSignUp(t.Context(), w.app, w.laptop().client, ada, secret.New("dwi"))
	expectFault(t, err, fault.Exhausted, typev1.Reason_REASON_RATE_LIMITED)
}
