package flow

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/containment"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// Alerts tells notify whom to tell, and carries out what an owner's answer commands.
type Alerts struct {
	Deps
}

// NewAlerts puts the use cases together.
func NewAlerts(d Deps) *Alerts { return &Alerts{Deps: d} }

// Recipient is an address to be told of an event.
type Recipient struct {
	Address, Language string
	// ContainToken answers the alert; empty where this address may not, or the event can't be contained.
	ContainToken secret.Text
}

// Prepare answers with whom to tell of an event. Asking again gives the same.
func (f *Alerts) Prepare(ctx context.Context, eventID string) ([]Recipient, error) {
	var alert containment.Alert
	var user account.User
	err := f.Store.View(ctx, func(tx store.Tx) error {
		var found bool
		var err error
		if alert, found, err = tx.Alerts.Get(eventID); err != nil {
			return err
		}
		if !found {
			return errNotFound
		}
		user, found, err = tx.Users.Get(alert.UserID)
		if err == nil && !found {
			err = errNotFound
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("prepare alert: %w", err)
	}
	var recipients []Recipient
	for _, email := range user.ToTell(alert.At) {
		r := Recipient{Address: email.Address, Language: user.Language}
		if alert.Kind == containment.NewDevice && user.MayContain(email.Canonical, alert.At) {
			r.ContainToken = containment.Token(f.Secrets.Contain, alert.EventID, email.Canonical)
		}
		recipients = append(recipients, r)
	}
	return recipients, nil
}

// Command is an owner's "this wasn't me", as notify passes it on.
type Command struct {
	SignInEventID string
	Address       string
	ContainToken  secret.Text
	DeliveryID    string
	// Network is where the answer was given; it decides nothing.
	Network netip.Addr
}

// Outcome is what came of a command.
type Outcome string

// The outcomes.
const (
	// Contained: the intruder's sign-in, and what came of it, is ended.
	Contained Outcome = "contained"
	// ContainedBefore: it was contained already; nothing changed.
	ContainedBefore Outcome = "contained_before"
	// ContainRefused: the token isn't genuine, or its address may not answer; nothing changed.
	ContainRefused Outcome = "refused"
)

// Contain acts on a command, once however often it comes.
func (f *Alerts) Contain(ctx context.Context, c Command) (Outcome, error) {
	canonical, ok := account.Canonical(c.Address)
	genuine := ok && containment.Genuine(f.Secrets.Contain, c.SignInEventID, canonical, c.ContainToken)
	now := f.Now()
	var outcome Outcome
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		outcome = ContainRefused
		if !genuine {
			return f.noteRefused(tx, c, now)
		}
		alert, found, err := tx.Alerts.Get(c.SignInEventID)
		if err != nil {
			return err
		}
		if !found || alert.Kind != containment.NewDevice {
			return f.noteRefused(tx, c, now)
		}
		if alert.Result != nil {
			outcome = ContainedBefore
			return nil
		}
		user, found, err := tx.Users.Get(alert.UserID)
		if err != nil {
			return err
		}
		if !found || !user.MayContain(canonical, alert.At) {
			return f.noteRefused(tx, c, now)
		}
		outcome = Contained
		return f.contain(tx, &user, alert, c, now)
	})
	if err != nil {
		return "", fmt.Errorf("contain session: %w", err)
	}
	return outcome, nil
}

// contain carries the plan out: what the intruder did and held ends, what the owner trusted before lives on under a new epoch.
func (f *Alerts) contain(tx store.Tx, user *account.User, alert containment.Alert, c Command, now time.Time) error {
	sessions, err := tx.Sessions.ActiveOfUser(user.ID)
	if err != nil {
		return err
	}
	devices, err := tx.Devices.OfUser(user.ID)
	if err != nil {
		return err
	}
	plan := containment.For(alert, sessions, devices, now)
	before := user.Epoch
	user.RaiseEpoch()
	if user.Password != nil {
		user.Password.ContainedAt = now
	}
	result := &containment.Result{At: now}
	for _, s := range plan.End {
		result.Sessions = append(result.Sessions, s.ID)
		if err := endSession(tx, user, &s, session.EndContained, now); err != nil {
			return err
		}
	}
	for _, s := range plan.Spare {
		if s.Epoch != before {
			continue // void already: a spared session lives on, it isn't revived
		}
		s.Epoch = user.Epoch
		if err := tx.Sessions.Put(s); err != nil {
			return err
		}
	}
	for _, d := range plan.Untrust {
		result.Devices = append(result.Devices, d.ID)
		d.Untrust(now)
		if err := tx.Devices.Put(d); err != nil {
			return err
		}
	}
	if result.EventID, err = tellContained(tx, user, alert, result); err != nil {
		return err
	}
	alert.Result = result
	if err := tx.Alerts.Put(alert); err != nil {
		return err
	}
	if err := tx.Users.Put(*user); err != nil {
		return err
	}
	return tx.Audit.Append(c.owner(user.ID).record(now, "session.contain", "session", alert.SessionID, "this wasn't me"))
}

// tellContained tells of the containment, and keeps the event as one that owners are told of.
func tellContained(tx store.Tx, user *account.User, alert containment.Alert, result *containment.Result) (string, error) {
	eventID, err := appendEvent(tx, user, subjectSessionContained, typeSessionContained, result.At, &eventv1.SessionContained{
		UserId:             user.ID,
		SigninEventId:      alert.EventID,
		EndedSessionIds:    result.Sessions,
		UntrustedDeviceIds: result.Devices,
		ContainedAt:        timestamppb.New(result.At),
		SignedInAt:         timestamppb.New(alert.At),
	})
	if err != nil {
		return "", err
	}
	return eventID, tx.Alerts.Put(containment.Alert{
		EventID:   eventID,
		Kind:      containment.Contained,
		UserID:    user.ID,
		SessionID: alert.SessionID,
		DeviceID:  alert.DeviceID,
		At:        result.At,
	})
}

// owner is who commanded: the account's user, as far as holding the mailed token shows it.
func (c Command) owner(userID string) Actor {
	return Actor{
		Actor:     audit.Actor{Kind: audit.User, ID: userID},
		Network:   c.Network,
		Authority: "contain-token of delivery " + c.DeliveryID,
	}
}

// noteRefused keeps the record of a command that had no authority. Nobody but notify can send one, so it is worth a look.
func (f *Alerts) noteRefused(tx store.Tx, c Command, now time.Time) error {
	f.Logger.Warn("containment refused; nothing changed",
		slog.String("signin_event_id", c.SignInEventID), slog.String("delivery_id", c.DeliveryID))
	by := Actor{Actor: audit.Actor{Kind: audit.Service, ID: "notify"}, Network: c.Network, Authority: "none: the contain-token isn't valid"}
	record := by.record(now, "session.contain", "event", c.SignInEventID, "")
	record.Outcome = audit.Refused
	if !id.Valid("evt", c.SignInEventID) {
		record.Target = audit.Target{} // it names nothing, and may be of any length
	}
	return tx.Audit.Append(record)
}
