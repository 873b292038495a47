package flow_test

import (
	"fmt"
	"testing"
	"time"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/store"
)

func TestAnAttemptAbandonedAfterTheRightPasswordIsTold(t *testing.T) {
	w := newWorld(t)
	userID := w.laptop().enrol(ada, right).Session.UserID
	proved := atDeviceVerification(w)
	provedAt := w.clock.Now()
	unproved := w.stranger().signIn(ada)
	unproved.answer(password(wrong))
	w.stranger().signUp(ada).answer(newPassword(another))

	w.clock.advance(w.rules.AttemptLifetime)
	expectTypes(t, w.rowsDuring(func() { w.must(w.sweeper.Sweep(t.Context())) }))
	w.clock.advance(time.Second)
	rows := w.rowsDuring(func() { w.must(w.sweeper.Sweep(t.Context())) })
	expectTypes(t, rows, "authn.signin.abandoned.v1")
	row, told := decoded(t, rows, "authn.signin.abandoned.v1", new(eventv1.SignInAbandoned))
	if told.GetUserId() != userID || told.GetAttemptId() != proved.Attempt.ID || told.GetIp() != strangerIP ||
		told.GetPlace().GetCountryCode() != "BR" || !told.GetProvedAt().AsTime().Equal(provedAt) {
		t.Errorf("abandoned: %s from %s (%s)", told.GetAttemptId(), told.GetIp(), told.GetPlace().GetCountryCode())
	}
	if row.Key != userID || row.UserVersion != w.user(userID).Version {
		t.Errorf("key %q, version %d", row.Key, row.UserVersion)
	}
	if _, found := w.attempt(unproved.Attempt.ID); found {
		t.Error("an expired attempt is still there")
	}
	expectTypes(t, w.rowsDuring(func() { w.must(w.sweeper.Sweep(t.Context())) }))
}

func TestSweepingGoesOnUntilNothingIsLeft(t *testing.T) {
	w := newWorld(t)
	const expired = 450 // more than two batches
	live := w.stranger().signIn(ada).Attempt
	live.ExpiresAt = w.clock.Now().Add(time.Hour)
	w.update(func(tx store.Tx) error {
		for i := range expired {
			a := attempt.Attempt{
				ID: fmt.Sprintf("att_%03d", i), Purpose: attempt.SignIn, Secret: secret.Hash(secret.New("ats")),
				CreatedAt: w.clock.Now(), ExpiresAt: w.clock.Now().Add(time.Duration(i) * time.Millisecond),
			}
			if err := tx.Attempts.Put(a); err != nil {
				return err
			}
		}
		return tx.Attempts.Put(live)
	})
	w.clock.advance(time.Minute)
	w.must(w.sweeper.Sweep(t.Context()))
	w.view(func(tx store.Tx) error {
		left, err := tx.Attempts.Expired(w.clock.Now().Add(24*time.Hour), 1000)
		if len(left) != 1 || left[0].ID != live.ID {
			t.Errorf("%d attempts are left; want the live one", len(left))
		}
		return err
	})
}

func TestSessionsAlertsAndBudgetsGoWhenTheirTimeIsOver(t *testing.T) {
	in := intruded(t)
	eventID := in.stolen.Session.SignInEventID
	in.laptop.signIn(ada).answer(password(wrong))
	kept := func() (sessions int, alert bool) {
		in.view(func(tx store.Tx) error {
			list, err := tx.Sessions.OfUser(in.userID, "", 100)
			if err != nil {
				return err
			}
			sessions = len(list)
			_, alert, err = tx.Alerts.Get(eventID)
			return err
		})
		return sessions, alert
	}
	// An expired session can be listed for 30 days more, an alert answered for 90.
	for _, tt := range []struct {
		after    time.Duration
		sessions int
		alert    bool
	}{
		{in.rules.SessionLifetime, 2, true},
		{29 * 24 * time.Hour, 2, true},
		{2 * 24 * time.Hour, 0, true},
		{60 * 24 * time.Hour, 0, false},
	} {
		in.clock.advance(tt.after)
		in.must(in.sweeper.Sweep(t.Context()))
		if sessions, alert := kept(); sessions != tt.sessions || alert != tt.alert {
			t.Errorf("at %v: %d sessions, alert %v; want %d, %v", in.clock.Now(), sessions, alert, tt.sessions, tt.alert)
		}
	}
	in.view(func(tx store.Tx) error {
		if user, found, err := tx.Users.Get(in.userID); !found || len(user.Emails) != 1 {
			t.Errorf("the account went too: %v, %v", found, err)
		}
		return nil
	})
}
