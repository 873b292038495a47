package reconcile

import (
	"slices"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	"github.com/doorward/doorward/test/load"
)

// answered is how long the mail server's answer takes at most: a mail that arrived longer before an interruption had its answer recorded.
const answered = 2 * time.Second

// Kinds of mails, as notify names them.
const (
	kindNewDevice = "new_device"
	kindCode      = "code"
)

// compareAlerts: each sign-in on a new device is one delivery, accepted, and one mail; and there is no alert without one.
func (e *Evidence) compareAlerts(f *Faults, figures *Figures) {
	byEvent := make(map[string][]*notifyv1.Delivery)
	for _, d := range e.deliveries {
		if d.GetKind() == kindNewDevice {
			byEvent[d.GetEventId()] = append(byEvent[d.GetEventId()], d)
		}
	}
	arrived := e.arrivals()
	seen := make(map[string]bool)
	for _, event := range e.told.authn {
		if event.Type != "authn.signin.new_device.v1" || seen[event.ID] {
			continue
		}
		seen[event.ID] = true
		figures.Alerts++
		var body eventv1.SignInNewDevice
		if err := proto.Unmarshal(event.Data, &body); err != nil {
			f.wrong("event %s can't be read: %v", event.ID, err)
			continue
		}
		deliveries := byEvent[event.ID]
		delete(byEvent, event.ID)
		if len(deliveries) != 1 {
			f.missing("the sign-in %s of user %s on a new device is %d deliveries", event.ID, body.GetUserId(), len(deliveries))
			continue
		}
		e.compareAlert(f, figures, deliveries[0], arrived[deliveries[0].GetId()], e.stored.emails[body.GetUserId()])
	}
	for id, deliveries := range byEvent {
		f.wrong("delivery %s tells of sign-in %s, which no event tells", deliveries[0].GetId(), id)
	}
	e.countCodes(f, figures, arrived)
}

// arrivals are the mails by the delivery that their Message-ID names, in the order in which they came.
func (e *Evidence) arrivals() map[string][]load.Mail {
	by := make(map[string][]load.Mail)
	for _, m := range e.mails {
		id, _, _ := strings.Cut(m.MessageID, "@")
		by[id] = append(by[id], m)
	}
	for _, mails := range by {
		slices.SortFunc(mails, func(a, b load.Mail) int { return a.Received.Compare(b.Received) })
	}
	return by
}

func (e *Evidence) compareAlert(f *Faults, figures *Figures, d *notifyv1.Delivery, mails []load.Mail, email string) {
	if d.GetState() != notifyv1.DeliveryState_DELIVERY_STATE_ACCEPTED {
		f.missing("the alert %s to %s is %v after %d tries: %s", d.GetId(), d.GetEmail(), d.GetState(), d.GetTries(), d.GetLastError())
	}
	if d.GetEmail() != email {
		f.wrong("the alert %s went to %s, and the user is %s", d.GetId(), d.GetEmail(), email)
	}
	if len(mails) == 0 {
		f.missing("the alert %s to %s didn't arrive", d.GetId(), d.GetEmail())
	}
	for i, m := range mails {
		if m.To != d.GetEmail() {
			f.wrong("the alert %s to %s arrived at %s", d.GetId(), d.GetEmail(), m.To)
		}
		if i > 0 {
			figures.Duplicates++
			e.excuse(f, d, mails[i-1], m)
		}
	}
}

// excuse demands that a mail which came twice was with the mail server when notify was interrupted.
func (e *Evidence) excuse(f *Faults, d *notifyv1.Delivery, first, second load.Mail) {
	until := first.Received.Add(answered)
	if second.Received.Before(until) {
		until = second.Received
	}
	// It arrives a moment before the interruption, or after it, when the mail server reads on what notify had sent.
	if !e.interrupted(first.Received.Add(-answered), until) {
		f.wrong("the mail %s to %s came at %s and again at %s, after %d tries, and notify wasn't interrupted at the first",
			d.GetId(), d.GetEmail(), clock(first.Received), clock(second.Received), d.GetTries())
	}
}

// countCodes counts codes that came twice, which is excused as it is for alerts.
func (e *Evidence) countCodes(f *Faults, figures *Figures, arrived map[string][]load.Mail) {
	for id, mails := range arrived {
		d, ok := e.deliveries[id]
		if !ok {
			f.missing("a mail %q came to %s, and no delivery is %s", mails[0].Subject, mails[0].To, id)
			continue
		}
		if d.GetKind() != kindCode {
			continue
		}
		for i := range mails[1:] {
			figures.CodesTwice++
			e.excuse(f, d, mails[i], mails[i+1])
		}
	}
}
