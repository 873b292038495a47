package flow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// errInjected undoes a transaction.
var errInjected = errors.New("injected")

// twice runs every closure twice and keeps what the second run did, as the store's contract allows.
type twice struct{ store.Store }

func (s twice) Update(ctx context.Context, fn func(store.Tx) error) error {
	err := s.Store.Update(ctx, func(tx store.Tx) error {
		_ = fn(tx) // undone, whatever it was
		return errInjected
	})
	if !errors.Is(err, errInjected) {
		return err
	}
	return s.Store.Update(ctx, fn)
}

func TestTheStoryHoldsWhereEveryTransactionRunsTwice(t *testing.T) {
	w := newWorld(t)
	w.through(twice{w.store})
	tellStory(t, w)
}

func TestCountsHoldWhereEveryTransactionRunsTwice(t *testing.T) {
	w := newWorld(t)
	w.through(twice{w.store})
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	tr := w.stranger().signIn(ada)
	expectFared(t, tr.answer(password(wrong)), attempt.Wrong, 4)
	expectFared(t, tr.answer(password(right)), attempt.Accepted, 4)
	c := tr.code()
	expectFared(t, tr.answer(code(otherThan(c))), attempt.Wrong, 3)
	expectStep(t, tr.answer(code(c)), attempt.Done, "")
	next := laptop.refreshed(grant.RefreshToken)
	laptop.refreshed(next.RefreshToken)
	if _, err := laptop.refresh(grant.RefreshToken); err == nil {
		t.Error("a used refresh token is good")
	}
	if got := w.session(grant.Session.ID); got.End != "refresh_reuse" {
		t.Errorf("the session ended as %q", got.End)
	}
}

// failing is a store whose outbox refuses one type of event.
type failing struct {
	store.Store
	eventType string
}

func (s failing) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.Store.Update(ctx, func(tx store.Tx) error {
		tx.Outbox = refusing{tx.Outbox, s.eventType}
		return fn(tx)
	})
}

type refusing struct {
	outbox.Appender
	eventType string
}

func (r refusing) Append(row outbox.Row) error {
	if row.Type == r.eventType {
		return errInjected
	}
	return r.Appender.Append(row)
}

func TestACompletionIsKeptWithItsEventsOrNotAtAll(t *testing.T) {
	for _, eventType := range []string{"authn.signin.succeeded.v1", "authn.signin.new_device.v1"} {
		t.Run(eventType, func(t *testing.T) {
			w := newWorld(t)
			userID := w.laptop().enrol(ada, right).Session.UserID
			tr := atDeviceVerification(w)
			c := tr.code()
			before := w.picture(userID)
			w.through(failing{w.store, eventType})
			if p, err := tr.try(code(c)); !errors.Is(err, errInjected) || p.Grant != nil {
				t.Errorf("granted %v, error %v", p.Grant != nil, err)
			}
			expectUnchanged(t, before, w.picture(userID))
			w.through(w.store)
			expectStep(t, tr.answer(code(c)), attempt.Done, "")
		})
	}
}

func TestAContainmentIsKeptWithItsEventsOrNotAtAll(t *testing.T) {
	for _, eventType := range []string{"revocation.session.v1", "authn.session.revoked.v1", "authn.session.contained.v1"} {
		t.Run(eventType, func(t *testing.T) {
			in := intruded(t)
			c := in.command()
			before := in.picture(in.userID)
			in.through(failing{in.store, eventType})
			if outcome, err := in.alerts.Contain(t.Context(), c); !errors.Is(err, errInjected) || outcome != "" {
				t.Errorf("outcome %q, error %v", outcome, err)
			}
			expectUnchanged(t, before, in.picture(in.userID))
			in.through(in.store)
			if outcome := in.contain(c); outcome != flow.Contained {
				t.Errorf("outcome %q; want contained", outcome)
			}
		})
	}
}

func TestARevocationIsKeptWithItsEventsOrNotAtAll(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	before := w.picture(grant.Session.UserID)
	w.through(failing{w.store, "authn.session.revoked.v1"})
	if _, err := w.sessions.Revoke(t.Context(), operator, grant.Session.ID, ""); !errors.Is(err, errInjected) {
		t.Errorf("error %v", err)
	}
	expectUnchanged(t, before, w.picture(grant.Session.UserID))
	w.through(w.store)
	w.clock.advance(time.Second)
	laptop.refreshed(grant.RefreshToken)
}
