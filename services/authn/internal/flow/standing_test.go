package flow_test

import (
	"slices"
	"testing"
	"time"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/session"
)

var adas = flow.Whose{Email: ada}

func typesOf(rows []outbox.Row) []string {
	var types []string
	for _, r := range rows {
		types = append(types, r.Type)
	}
	return types
}

func expectTold(t *testing.T, rows []outbox.Row, want string) {
	t.Helper()
	if got := typesOf(rows); !slices.Contains(got, want) {
		t.Errorf("told %v, want %s among them", got, want)
	}
}

func TestALockedAccountIsRefusedAfterTheRightPasswordAndNoSooner(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	rows := w.rowsDuring(func() {
		_, err := w.users.Lock(t.Context(), operator, adas, time.Hour, "asked by phone")
		w.must(err)
	})
	expectTold(t, rows, "authn.user.locked.v1")
	if r := w.lastAudit(); r.Action != "user.lock" || r.Reason != "asked by phone" || r.Target.ID != grant.Session.UserID || r.Detail["until"] == "" {
		t.Errorf("audited %+v", r)
	}
	for _, b := range []*browser{laptop, w.stranger()} {
		tr := b.signIn(ada)
		expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
		expectStep(t, tr.answer(password(right)), attempt.Refused, attempt.AccountLocked)
	}
	if s := w.session(grant.Session.ID); !s.EndedAt.IsZero() {
		t.Error("the lock has ended a session")
	}
	w.clock.advance(time.Hour)
	laptop.enter(ada, right)
	user, err := w.users.Get(t.Context(), adas)
	w.must(err)
	if user.Lock != nil {
		t.Errorf("a lock that is over is shown: %+v", user.Lock)
	}
}

func TestALockDuringAnAttemptRefusesItsNextStep(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	tr := w.stranger().signIn(ada)
	tr.answer(password(right))
	sent := tr.code()
	_, err := w.users.Lock(t.Context(), operator, adas, 0, "")
	w.must(err)
	expectStep(t, tr.answer(code(sent)), attempt.Refused, attempt.AccountLocked)
}

func TestUnlockingEndsLockAndWaits(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	w.lockAfter(3)
	for range 3 {
		w.stranger().signIn(ada).answer(password(wrong))
	}
	_, err := w.users.Lock(t.Context(), operator, adas, 0, "")
	w.must(err)
	rows := w.rowsDuring(func() {
		_, err := w.users.Unlock(t.Context(), operator, adas, "")
		w.must(err)
	})
	expectTold(t, rows, "authn.user.unlocked.v1")
	expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
	rows = w.rowsDuring(func() {
		_, err := w.users.Unlock(t.Context(), operator, adas, "")
		w.must(err)
	})
	if len(rows) > 0 {
		t.Errorf("unlocking an account that isn't locked tells %v", typesOf(rows))
	}
}

func TestABanEndsSessionsAndShutsOut(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	under := w.stranger().signIn(ada)
	under.answer(password(right))
	before := w.user(grant.Session.UserID)
	var ended []string
	rows := w.rowsDuring(func() {
		var err error
		_, ended, err = w.users.Ban(t.Context(), operator, adas, "spam")
		w.must(err)
	})
	expectTold(t, rows, "authn.user.banned.v1")
	expectTold(t, rows, "revocation.session.v1")
	if !slices.Equal(ended, []string{grant.Session.ID}) || w.session(grant.Session.ID).End != session.EndBanned {
		t.Errorf("ended %v, the session by %q", ended, w.session(grant.Session.ID).End)
	}
	if after := w.user(grant.Session.UserID); after.Epoch != before.Epoch+1 {
		t.Errorf("epoch %d after %d", after.Epoch, before.Epoch)
	}
	_, err := laptop.refresh(grant.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	expectStep(t, under.answer(code("000000")), attempt.Refused, attempt.Over)
	expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.Refused, attempt.AccountBanned)

	_, again, err := w.users.Ban(t.Context(), operator, adas, "")
	w.must(err)
	if after := w.user(grant.Session.UserID); len(again) > 0 || after.Epoch != before.Epoch+1 {
		t.Errorf("a second ban ends %v and raises the epoch to %d", again, after.Epoch)
	}
	rows = w.rowsDuring(func() {
		_, err := w.users.Unban(t.Context(), operator, adas, "")
		w.must(err)
	})
	expectTold(t, rows, "authn.user.unbanned.v1")
	laptop.enter(ada, right)
}

func TestACompromisedPasswordIsGoodForOneSignInThatReplacesIt(t *testing.T) {
	for name, known := range map[string]bool{"on a known device": true, "elsewhere": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			laptop := w.laptop()
			grant := laptop.enrol(ada, right)
			rows := w.rowsDuring(func() {
				marked, err := w.users.MarkCompromised(t.Context(), operator, []string{grant.Session.UserID}, true, "leak of March")
				w.must(err)
				if len(marked.UserIDs) != 1 || !slices.Equal(marked.Sessions, []string{grant.Session.ID}) {
					t.Errorf("marked %+v", marked)
				}
			})
			expectTold(t, rows, "authn.credential.compromised.v1")
			b, check := w.stranger(), attempt.DeviceVerification
			if known {
				b, check = laptop, attempt.EmailVerification
			}
			tr := b.signIn(ada)
			expectStep(t, tr.answer(password(right)), check, "")
			expectStep(t, tr.answer(code(tr.code())), attempt.NewPassword, "")
			_, err := tr.try(newPassword(right))
			expectFault(t, err, fault.Invalid, typev1.Reason_REASON_PASSWORD_UNACCEPTABLE)
			expectStep(t, tr.answer(newPassword(another)), attempt.Done, "")
			if w.user(grant.Session.UserID).Password.Compromised() {
				t.Error("the new password is marked too")
			}
		})
	}
}

func TestMarkingIsAllOrNothing(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	audits := len(w.audits())
	_, err := w.users.MarkCompromised(t.Context(), operator, []string{userID, "usr_unknown"}, true, "")
	expectFault(t, err, fault.NotFound, typev1.Reason_REASON_NOT_FOUND)
	if w.user(userID).Password.Compromised() || len(w.audits()) != audits {
		t.Error("one was marked, and the other isn't there")
	}
	_, err = w.users.MarkCompromised(t.Context(), operator, []string{userID}, false, "")
	w.must(err)
	again, err := w.users.MarkCompromised(t.Context(), operator, []string{userID}, false, "")
	w.must(err)
	if len(again.UserIDs) > 0 {
		t.Errorf("marked a second time: %v", again.UserIDs)
	}
	w.changeUser(userID, func(u *account.User) { u.Password.ContainedAt = w.clock.Now() })
	expectStep(t, w.stranger().signIn(ada).answer(password(right)), attempt.Refused, attempt.PasswordContained)
}
