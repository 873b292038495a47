package store

import (
	"context"
	"errors"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/policy"
	"github.com/doorward/doorward/services/notify/internal/alert"
)

// Store is notify's storage. See the package comment for what a transaction promises.
type Store interface {
	View(ctx context.Context, fn func(Tx) error) error
	Update(ctx context.Context, fn func(Tx) error) error
}

// Tx is one transaction, seen through its roles.
type Tx struct {
	Deliveries Deliveries
	Events     Events
	Caps       Caps
	// Outbox, Audit and Policies are the shared roles: what is written through them is kept exactly when the change is.
	Outbox   outbox.Appender
	Audit    audit.Log
	Policies policy.Records
}

// ErrTaken comes from Deliveries.Put when another delivery is for the same event, address and kind. Nothing was written.
var ErrTaken = errors.New("store: there is a delivery for this event, address and kind already")

// Deliveries keeps deliveries. Addresses are compared without regard to case.
type Deliveries interface {
	Get(id string) (alert.Delivery, bool, error)
	// Find is the one delivery of an event to an address of a kind.
	Find(eventID, email string, kind alert.Kind) (alert.Delivery, bool, error)
	// OfEvent are an event's deliveries, at most limit.
	OfEvent(eventID string, limit int) ([]alert.Delivery, error)
	// Put keeps the delivery. Event, address and kind never change, and belong to one delivery: ErrTaken.
	Put(alert.Delivery) error
	// Due are queued alerts whose NextTryAt isn't after t, earliest first, at most limit. Sealed mails are never due: their message is.
	Due(t time.Time, limit int) ([]alert.Delivery, error)
	// Waiting are the deliveries that aren't settled, at most limit: those with the mail server, then those that are queued, each oldest first.
	Waiting(limit int) ([]alert.Delivery, error)
	// List is a page of deliveries, newest first.
	List(alert.Filter) ([]alert.Delivery, error)
	// DeleteBefore looks at the deliveries queued before t, the oldest first and at most limit of them, deletes those that are settled, and
	// returns how many.
	DeleteBefore(t time.Time, limit int) (int, error)
}

// Events remembers what has been handled, so that an event that comes again does nothing.
type Events interface {
	Handled(id string) (bool, error)
	// MarkHandled remembers the event from a moment on.
	MarkHandled(id string, at time.Time) error
	// DeleteBefore forgets at most limit events handled before t, and returns how many.
	DeleteBefore(t time.Time, limit int) (int, error)
}

// Caps remembers when a kind of mail was last let through to an address. Addresses are compared without regard to case.
type Caps interface {
	// Last is the zero time where none is remembered.
	Last(kind alert.Kind, email string) (time.Time, error)
	Set(kind alert.Kind, email string, at time.Time) error
	// DeleteBefore forgets at most limit of those before t, and returns how many.
	DeleteBefore(t time.Time, limit int) (int, error)
}
