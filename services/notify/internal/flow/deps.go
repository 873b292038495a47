package flow

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/mail"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/template"
	"github.com/doorward/doorward/services/notify/internal/tuning"
)

// ErrFinal marks what no repetition heals: the message that caused it is a dead letter.
var ErrFinal = errors.New("can't be handled, however often it is tried")

// Deps is what the use cases need from outside.
type Deps struct {
	Store store.Store
	// Policy answers with the policy in force, from its cache.
	Policy func(context.Context) tuning.Policy
	// Prepare asks authn whom to tell of an event. It keeps its own deadline.
	Prepare Preparer
	// Post hands a mail to the mail server. It keeps its own deadline; what it returns is mail.ErrPermanent or worth another try.
	Post Poster
	// Templates write the mails.
	Templates *template.Catalogue
	// PortalURL is where the page behind an alert's link is, without a final slash.
	PortalURL string
	// Product is whose accounts these are, as their users know it.
	Product string
	Now     func() time.Time
	Logger  *slog.Logger
	Metrics *Metrics
}

// Preparer asks authn whom to tell. Asking again gives the same tokens, which is why nobody stores them.
type Preparer func(ctx context.Context, eventID string) ([]Recipient, error)

// Recipient is an address to be told.
type Recipient struct {
	Email, Language string
	// ContainToken goes into the link; none where the event can't be contained, or this address may not answer.
	ContainToken secret.Text
}

// digest is what is kept of the token.
func (r Recipient) digest() secret.Digest {
	if r.ContainToken.IsZero() {
		return secret.Digest{}
	}
	return secret.Hash(r.ContainToken)
}

// Poster hands one mail over.
type Poster func(context.Context, mail.Message) error

// recordTimeout bounds the transaction that records how a try ended. It has a context of its own: what happened is recorded also when
// nobody waits any more.
const recordTimeout = 5 * time.Second

func recording(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.WithoutCancel(ctx), recordTimeout)
}
