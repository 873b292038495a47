package flow

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/template"
)

// errInHand has a message come again: what became of the mail is known by then.
var errInHand = errors.New("the mail is with the mail server already, for an earlier delivery of its message")

// Mails sends mails that came sealed. There is one for a store: a delivery in "sending" that it doesn't have in hand was left so by a crash.
type Mails struct {
	Deps

	mu     sync.Mutex
	inHand map[string]struct{} // by message; no more than are handled at once
}

// NewMails puts the use case together.
func NewMails(d Deps) *Mails { return &Mails{Deps: d, inHand: make(map[string]struct{})} }

// Mail is an opened mail. One that expired has everything but its content.
type Mail struct {
	// ID is the message's.
	ID    string
	Email string
	Kind  alert.Kind
	// Purpose is a Code's alone. Code is what it carries, and the token of an Invitation.
	Purpose template.Purpose
	Code    secret.Text
	Expires time.Time
	// InvitationEnds is when what an Invitation carries ends, and Page where it is entered; empty when nowhere is named.
	InvitationEnds time.Time
	Page           string
	// Language is the Accept-Language of who asked, Origin who that was.
	Language string
	Origin   template.Origin
}

// Send hands the mail over while its message waits, and returns nil when that can be acknowledged: the delivery is settled, now or
// before. On any other error the message comes again; ErrFinal is a mail that can't be written.
func (f *Mails) Send(ctx context.Context, m Mail) error {
	written, err := f.write(m)
	if err != nil {
		return fmt.Errorf("%w: %w", ErrFinal, err)
	}
	if !f.take(m.ID) {
		return errInHand
	}
	defer f.release(m.ID)
	d, err := f.claim(ctx, m)
	if err != nil {
		return fmt.Errorf("claim the delivery: %w", err)
	}
	if d.State != alert.Sending {
		return nil
	}
	failure := f.Post(ctx, message(d, written))
	if err := f.outcome(ctx, d, failure); err != nil {
		return err
	}
	if failure != nil && !errors.Is(failure, mail.ErrPermanent) {
		return fmt.Errorf("hand the mail over: %w", failure)
	}
	return nil
}

// take is false while the message is handled already: a NATS server that restarts delivers it again, whether or not somebody is at work on it.
func (f *Mails) take(messageID string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, held := f.inHand[messageID]; held {
		return false
	}
	f.inHand[messageID] = struct{}{}
	return true
}

func (f *Mails) release(messageID string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.inHand, messageID)
}

// write is empty for an expired mail, which nobody gets.
func (f *Mails) write(m Mail) (template.Mail, error) {
	tag := firstTag(m.Language)
	switch {
	case !f.Now().Before(m.Expires):
		return template.Mail{}, nil
	case m.Kind == alert.SignUpTaken:
		return f.Templates.SignUpTaken(tag, template.SignUpTaken{Product: f.Product, Recipient: m.Email, Origin: m.Origin})
	case m.Kind == alert.Invitation:
		return f.Templates.Invitation(tag, template.Invitation{
			Product: f.Product, Recipient: m.Email, Token: m.Code.Reveal(), Page: m.Page, Ends: m.InvitationEnds,
		})
	case m.Kind == alert.Code:
		return f.Templates.Code(tag, template.Code{
			Product: f.Product, Recipient: m.Email, Purpose: m.Purpose, Code: m.Code.Reveal(), Expires: m.Expires, Origin: m.Origin,
		})
	}
	return template.Mail{}, fmt.Errorf("no sealed mail is of kind %q", m.Kind)
}

// claim brings the delivery to "sending", unless there is nothing to send: it is settled, too late, or one too many.
func (f *Mails) claim(ctx context.Context, m Mail) (alert.Delivery, error) {
	now, policy := f.Now(), f.Policy(ctx)
	fresh := alert.New(id.New("dlv", now), m.ID, m.Kind, m.Email, now)
	fresh.ExpiresAt = m.Expires
	var d alert.Delivery
	var changed bool
	err := f.Store.Update(ctx, func(tx store.Tx) error {
		held, found, err := tx.Deliveries.Find(m.ID, m.Email, m.Kind)
		if err != nil {
			return err
		}
		if d, changed = held, !found || !held.State.Settled(); !changed {
			return nil
		}
		if !found {
			d = fresh
		}
		if err := admit(tx, &d, policy.SignUpTakenEvery, now); err != nil {
			return err
		}
		return keep(tx, d)
	})
	if err == nil && changed {
		f.Metrics.count(d)
	}
	return d, err
}

// admit begins a try, or drops the delivery. One that is "sending" already, and not in hand, was left so by a crash, or by a failure whose record
// was lost.
func admit(tx store.Tx, d *alert.Delivery, every time.Duration, now time.Time) error {
	if d.Expired(now) {
		d.Drop("it expired before it could be sent", now)
		return nil
	}
	if d.Nowhere() {
		d.Drop(errNowhere.Error(), now)
		return nil
	}
	if d.Kind == alert.SignUpTaken && d.Tries == 0 {
		last, err := tx.Caps.Last(d.Kind, d.Email)
		if err != nil {
			return err
		}
		if !last.IsZero() && now.Before(last.Add(every)) {
			d.Drop("the address was told a while ago", now)
			return nil
		}
		if err := tx.Caps.Set(d.Kind, d.Email, now); err != nil {
			return err
		}
	}
	d.Resume(now)
	d.Begin(now)
	return nil
}
