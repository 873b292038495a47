package flow

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/store"
)

const (
	// signIns is the name of the cursor of the one stream whose view is stored. Counters have none: they are rebuilt.
	signIns = "sign_ins"
	// passEvery is how far, in the stream's time, the cursor may stay behind events that say nothing to the view. It saves a commit for
	// each of them, and still the cursor never falls out of the stream because nobody signed in.
	passEvery = time.Hour
)

// View is what authn's events tell: the history of users, stored together with its cursor, and how tries ended. Events may come again; one
// goroutine applies those of the history, in the stream's order.
type View struct {
	store    store.Store
	places   Locator
	counters *history.Counters
	profiles *profiles
	now      func() time.Time
}

// SignedIn is a completed sign-in, or sign-up.
type SignedIn struct {
	EventID     string
	UserID      string
	UserVersion uint64
	SessionID   string
	At          time.Time
	IP          netip.Addr
	Account     history.Account
	DecisionID  string // empty if risk wasn't asked
}

// Cursor returns how far the history has come.
func (v *View) Cursor(ctx context.Context) (c history.Cursor, err error) {
	err = v.store.View(ctx, func(tx store.Tx) (err error) {
		c, err = tx.Cursors.Get(signIns)
		return err
	})
	if err != nil {
		return history.Cursor{}, fmt.Errorf("read the view's cursor: %w", err)
	}
	return c, nil
}

// SignedIn adds a sign-in to its user's history, and takes its try off the failures.
func (v *View) SignedIn(ctx context.Context, s SignedIn, at history.Cursor) error {
	country, _ := v.places.Lookup(s.IP)
	entry := history.SignIn{EventID: s.EventID, UserVersion: s.UserVersion, SessionID: s.SessionID, At: s.At, Country: country}
	err := v.change(ctx, s.UserID, at, func(h history.History) history.History { return history.Apply(h, entry) })
	if err != nil {
		return err
	}
	v.counters.Settle(history.Try{Ref: s.DecisionID, IP: s.IP, Account: s.Account}, history.Succeeded, s.At)
	return nil
}

// Containment is what its owner said of a sign-in: it was somebody else's.
type Containment struct {
	UserID string
	// SessionIDs are those that ended with it.
	SessionIDs []string
	// SignedInAt is when the contained sign-in happened, At when it was contained.
	SignedInAt, At time.Time
}

// Contained takes the sign-ins behind these sessions out of a user's history, and the countries that came with them: where they came from
// isn't a place the user is known to be.
func (v *View) Contained(ctx context.Context, c Containment, at history.Cursor) error {
	return v.change(ctx, c.UserID, at, func(h history.History) history.History {
		for _, sessionID := range c.SessionIDs {
			h = history.Disown(h, sessionID)
		}
		return history.DisownNew(h, c.SignedInAt, c.At)
	})
}

// Passed notes an event that says nothing to the view.
func (v *View) Passed(ctx context.Context, at history.Cursor) error {
	last, err := v.Cursor(ctx)
	if err != nil {
		return err
	}
	if last.StreamCreated.Equal(at.StreamCreated) && at.Stored.Sub(last.Stored) < passEvery {
		return nil
	}
	err = v.store.Update(ctx, func(tx store.Tx) error { return tx.Cursors.Put(signIns, at) })
	if err != nil {
		return fmt.Errorf("move the view's cursor: %w", err)
	}
	return nil
}

// Forget empties the history, so that it is built anew from what the stream still holds. It is audited: until then no country is new to
// anybody.
func (v *View) Forget(ctx context.Context, authority string) error {
	now := v.now()
	record := audit.Record{
		ID: id.New("aud", now), At: now, Actor: audit.Actor{Kind: audit.System, ID: "risk"}, Action: "history.forget",
		Authority: authority, Outcome: audit.Done,
	}
	err := v.store.Update(ctx, func(tx store.Tx) error {
		return errors.Join(tx.Histories.Clear(), tx.Cursors.Put(signIns, history.Cursor{}), tx.Audit.Append(record))
	})
	if err != nil {
		return fmt.Errorf("forget the history: %w", err)
	}
	v.profiles.clear()
	return nil
}

// Failed counts a try that has failed, unless it has been counted since it was assessed.
func (v *View) Failed(t history.Try, at time.Time) { v.counters.Settle(t, history.Failed, at) }

// change stores a user's next history and the cursor in one transaction.
func (v *View) change(ctx context.Context, userID string, at history.Cursor, next func(history.History) history.History) error {
	err := v.store.Update(ctx, func(tx store.Tx) error {
		h, err := tx.Histories.Get(userID)
		if err != nil {
			return err
		}
		if err := tx.Histories.Put(userID, next(h)); err != nil {
			return err
		}
		return tx.Cursors.Put(signIns, at)
	})
	if err != nil {
		return fmt.Errorf("change a user's history: %w", err)
	}
	v.profiles.changed(userID)
	return nil
}
