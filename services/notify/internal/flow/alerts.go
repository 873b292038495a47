package flow

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// Alerts turns events into deliveries.
type Alerts struct {
	Deps
	// queued is called when there are new deliveries to send.
	queued func()
}

// NewAlerts puts the use case together. queued wakes whoever sends.
func NewAlerts(d Deps, queued func()) *Alerts { return &Alerts{Deps: d, queued: queued} }

// NewDevice alerts the account's addresses of a sign-in on a device that wasn't known.
func (f *Alerts) NewDevice(ctx context.Context, eventID string, signIn alert.SignIn) error {
	return f.tell(ctx, news{eventID: eventID, kind: alert.NewDevice, signIn: signIn})
}

// Abandoned alerts the account's addresses of a right password that no sign-in came of.
func (f *Alerts) Abandoned(ctx context.Context, eventID string, tried alert.SignIn) error {
	return f.tell(ctx, news{eventID: eventID, kind: alert.Abandoned, signIn: tried})
}

// Contained confirms to the account's addresses what an answered alert did. The sign-in's particulars are those of the alert, where notify
// still has it; signIn holds what the event itself tells.
func (f *Alerts) Contained(ctx context.Context, eventID string, signIn alert.SignIn, what alert.Containment) error {
	return f.tell(ctx, news{eventID: eventID, kind: alert.Contained, signIn: signIn, containment: &what})
}

// news is an event to tell of.
type news struct {
	eventID     string
	kind        alert.Kind
	signIn      alert.SignIn
	containment *alert.Containment
}

// tell queues one delivery per recipient and remembers the event, in one transaction. Whatever fails before that has the event come again;
// afterwards it is known.
func (f *Alerts) tell(ctx context.Context, n news) error {
	var handled bool
	err := f.Store.View(ctx, func(tx store.Tx) (err error) {
		handled, err = tx.Events.Handled(n.eventID)
		return err
	})
	if err != nil || handled {
		return err
	}
	recipients, err := f.Prepare(ctx, n.eventID)
	if fault.KindOf(err) == fault.NotFound {
		return fmt.Errorf("%w: authn doesn't know the event as one to tell of", ErrFinal)
	}
	if err != nil {
		return fmt.Errorf("ask authn whom to tell: %w", err)
	}
	if len(recipients) == 0 {
		f.Logger.LogAttrs(ctx, slog.LevelWarn, "nobody to be told of an event", slog.String("kind", string(n.kind)))
	}
	now := f.Now()
	deliveries := n.deliveries(recipients, now)
	err = f.Store.Update(ctx, func(tx store.Tx) error { return queue(tx, n, deliveries, now) })
	if err != nil {
		return fmt.Errorf("queue deliveries: %w", err)
	}
	f.queued()
	return nil
}

// deliveries is made before the transaction, which may run twice.
func (n news) deliveries(recipients []Recipient, now time.Time) []alert.Delivery {
	out := make([]alert.Delivery, 0, len(recipients))
	for _, r := range recipients {
		d := alert.New(id.New("dlv", now), n.eventID, n.kind, r.Email, now)
		d.Language, d.SignIn, d.Containment = r.Language, n.signIn, n.containment
		if n.kind == alert.NewDevice {
			d.Token = r.digest()
		}
		out = append(out, d)
	}
	return out
}

// queue keeps the deliveries that aren't there yet. Two handlers of one event, or two spellings of one address, make one delivery.
func queue(tx store.Tx, n news, deliveries []alert.Delivery, now time.Time) error {
	handled, err := tx.Events.Handled(n.eventID)
	if err != nil || handled {
		return err
	}
	signIn, err := n.particulars(tx)
	if err != nil {
		return err
	}
	for _, d := range deliveries {
		_, there, err := tx.Deliveries.Find(d.EventID, d.Email, d.Kind)
		if err != nil {
			return err
		}
		if there {
			continue
		}
		d.SignIn = signIn
		if err := tx.Deliveries.Put(d); err != nil {
			return err
		}
	}
	return tx.Events.MarkHandled(n.eventID, now)
}

// particulars is the sign-in as the alert of it told it, or as the event at hand does.
func (n news) particulars(tx store.Tx) (alert.SignIn, error) {
	if n.containment == nil {
		return n.signIn, nil
	}
	alerted, err := tx.Deliveries.OfEvent(n.containment.SignInEventID, 1)
	if err != nil || len(alerted) == 0 {
		return n.signIn, err
	}
	return alerted[0].SignIn, nil
}
