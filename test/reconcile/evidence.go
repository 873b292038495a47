package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/test/load"
)

// Interrupted says whether notify was killed or stopped at some moment of a span.
type Interrupted func(from, to time.Time) bool

// Evidence is what the suite has, and the ledger that it is held against.
type Evidence struct {
	suite       Suite
	ledger      *load.Ledger
	interrupted Interrupted

	stored     stored
	told       told
	deliveries map[string]*notifyv1.Delivery
	dead       []*operatorv1.DeadLetter
	mails      []load.Mail
}

// Gather reads what authn has stored, after the load has ended: from now on it stays as it is.
func Gather(ctx context.Context, suite Suite, ledger *load.Ledger, interrupted Interrupted) (*Evidence, error) {
	s, err := suite.store(ctx, ledger)
	if err != nil {
		return nil, err
	}
	return &Evidence{suite: suite, ledger: ledger, interrupted: interrupted, stored: s}, nil
}

// Follow reads what may still be on its way: events and deliveries. It is called again while Compare finds something missing.
func (e *Evidence) Follow(ctx context.Context) (err error) {
	if e.told, err = e.suite.streams(ctx); err != nil {
		return err
	}
	if e.deliveries, err = e.suite.deliveries(ctx); err != nil {
		return err
	}
	e.dead, err = e.suite.deadLetters(ctx)
	return err
}

// Compare returns everything that isn't as it should be, and what was counted on the way. The mails are those that arrived by the end of Follow.
func (e *Evidence) Compare(mails []load.Mail) (Faults, Figures) {
	e.mails = mails
	var f Faults
	figures := Figures{Users: len(e.stored.sessions), Events: len(e.told.authn) + len(e.told.notify)}
	e.compareUsers(&f)
	e.compareSessions(&f)
	e.compareEvents(&f, &figures)
	e.compareOrder(&f)
	e.compareAlerts(&f, &figures)
	for _, letter := range e.dead {
		f.wrong("a dead letter of %s: %s", letter.GetType(), letter.GetCause())
	}
	return f, figures
}

// Fault is something that isn't as it should be.
type Fault struct {
	Text string
	// Waits says that it may be on its way: an event, a mail.
	Waits bool
}

// Faults are all that were found.
type Faults []Fault

// Wait says whether it is worth waiting and looking again.
func (f Faults) Wait() bool { return slices.ContainsFunc(f, func(one Fault) bool { return one.Waits }) }

// wrong adds what no time mends.
func (f *Faults) wrong(format string, args ...any) {
	*f = append(*f, Fault{Text: fmt.Sprintf(format, args...)})
}

// missing adds what may still come.
func (f *Faults) missing(format string, args ...any) {
	*f = append(*f, Fault{Text: fmt.Sprintf(format, args...), Waits: true})
}

// Figures are for the record.
type Figures struct {
	// Users and Sessions are in the store, Unanswered of these sessions were never acknowledged.
	Users, Sessions, Unanswered int
	// Events are in the streams of facts, Again of them with an id that was there before. Revocations are in theirs.
	Events, Again, Revocations int
	// Alerts are sign-ins on unknown devices, Duplicates those that were told twice because notify was interrupted.
	Alerts, Duplicates int
	// CodesTwice are code mails that came twice.
	CodesTwice int
}
