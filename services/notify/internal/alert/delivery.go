package alert

import (
	"strings"
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Kind says what mail a delivery is. The words are those of the events and of DeliveryService.
type Kind string

// The kinds.
const (
	// Code carries a six-digit code.
	Code Kind = "code"
	// NewDevice alerts of a sign-in on a device that wasn't known.
	NewDevice Kind = "new_device"
	// Contained confirms that an answered alert took effect.
	Contained Kind = "contained"
	// Abandoned alerts of a right password that no sign-in came of.
	Abandoned Kind = "abandoned"
	// SignUpTaken tells an owner that somebody tried to sign up with their address.
	SignUpTaken Kind = "sign_up_taken"
	// Invitation invites somebody to sign up, and carries the token for it.
	Invitation Kind = "invitation"
)

// Sealed says whether the mail's content came sealed and is kept nowhere but in its message.
func (k Kind) Sealed() bool { return k == Code || k == SignUpTaken || k == Invitation }

// State is how far a delivery has come.
type State string

// The states; the package comment draws what leads where.
const (
	Queued   State = "queued"
	Sending  State = "sending"
	Accepted State = "accepted"
	Failed   State = "failed"
	Dropped  State = "dropped"
)

// Settled says whether the state is an end.
func (s State) Settled() bool { return s == Accepted || s == Failed || s == Dropped }

// Delivery is one mail to one address about one event.
type Delivery struct {
	// ID is `dlv_…`.
	ID string
	// EventID is the event or message that caused it. There is one delivery for each event, address and kind.
	EventID string
	Kind    Kind
	// Email is the address as its owner wrote it, Language their Accept-Language.
	Email, Language string

	State State
	// Tries is how often the mail server was told of it, or was to be.
	Tries int
	// NextTryAt is when a queued alert is due.
	NextTryAt time.Time
	// ExpiresAt is when a sealed mail is worth nothing any more; zero for an alert.
	ExpiresAt           time.Time
	QueuedAt, ChangedAt time.Time
	// LastError is why the last try failed, without addresses or content.
	LastError string

	// SignIn is what an alert tells of; zero for a sealed mail.
	SignIn SignIn
	// Containment is what a Contained delivery confirms, else nil.
	Containment *Containment
	// Token is the digest of the contain-token in the mail's link; zero where the mail has no link.
	Token secret.Digest
	// ConfirmedAt is when the link was answered with "this wasn't me".
	ConfirmedAt time.Time
}

// New is a delivery that waits to be sent, due at once.
func New(id, eventID string, kind Kind, email string, now time.Time) Delivery {
	return Delivery{
		ID: id, EventID: eventID, Kind: kind, Email: email,
		State: Queued, NextTryAt: now, QueuedAt: now, ChangedAt: now,
	}
}

// Expired says whether a sealed mail came too late. An alert never does.
func (d *Delivery) Expired(now time.Time) bool {
	return d.Kind.Sealed() && !now.Before(d.ExpiresAt)
}

// Begin claims the delivery for one try.
func (d *Delivery) Begin(now time.Time) bool {
	if d.State != Queued {
		return false
	}
	d.Tries++
	d.move(Sending, now)
	return true
}

// Resume gives back what a crash left in the middle of a try.
func (d *Delivery) Resume(now time.Time) bool {
	if d.State != Sending {
		return false
	}
	d.NextTryAt = now
	d.move(Queued, now)
	return true
}

// Retry puts the delivery off after a try that may succeed later, or ends it when the schedule gives up. A sealed mail has no schedule of
// its own: its message comes again.
func (d *Delivery) Retry(s Schedule, cause string, now time.Time) bool {
	if d.State.Settled() {
		return false
	}
	if d.State == Queued { // it failed on its way to Begin
		d.Tries++
	}
	d.LastError = brief(cause)
	if d.Kind.Sealed() {
		d.move(Queued, now)
		return true
	}
	next := now.Add(s.Pause(d.Tries))
	if next.After(d.QueuedAt.Add(s.GiveUpAfter)) {
		d.move(Failed, now)
		return true
	}
	d.NextTryAt = next
	d.move(Queued, now)
	return true
}

// Accept ends the delivery well: the mail server has it.
func (d *Delivery) Accept(now time.Time) bool { return d.settle(Accepted, "", now) }

// Fail ends it because no try will succeed.
func (d *Delivery) Fail(cause string, now time.Time) bool { return d.settle(Failed, cause, now) }

// Drop ends it because it needn't be sent any more.
func (d *Delivery) Drop(cause string, now time.Time) bool { return d.settle(Dropped, cause, now) }

func (d *Delivery) settle(to State, cause string, now time.Time) bool {
	if d.State.Settled() {
		return false
	}
	d.LastError = brief(cause)
	d.move(to, now)
	return true
}

func (d *Delivery) move(to State, now time.Time) { d.State, d.ChangedAt = to, now }

// AnswersTo says whether the link with this digest of a contain-token is the delivery's. It compares in constant time whatever it holds;
// a delivery without a link answers to nothing.
func (d *Delivery) AnswersTo(presented secret.Digest) bool {
	same := d.Token.Equal(presented)
	linked := d.Kind == NewDevice && !d.Token.IsZero()
	return same && linked
}

// Confirm takes the answer "this wasn't me". A repeat changes nothing and answers false.
func (d *Delivery) Confirm(now time.Time) bool {
	if !d.ConfirmedAt.IsZero() {
		return false
	}
	d.ConfirmedAt = now
	return true
}

// maxCause is how much of an error is kept for an operator to read.
const maxCause = 300

// brief is a cause on one line of bounded length.
func brief(cause string) string {
	line := strings.Join(strings.Fields(cause), " ")
	if len(line) > maxCause {
		line = strings.ToValidUTF8(line[:maxCause], "")
	}
	return line
}

// Nowhere says that the address is below .invalid, which RFC 6761 (6.4) keeps from ever being a domain. Nobody has to be asked about it: what is made
// up for a test sends nothing, and a mail server isn't troubled with what it would have to refuse.
func (d *Delivery) Nowhere() bool {
	_, domain, _ := strings.Cut(strings.ToLower(d.Email), "@")
	domain = strings.TrimSuffix(domain, ".")
	return domain == "invalid" || strings.HasSuffix(domain, ".invalid")
}
