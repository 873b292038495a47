package flow

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// refusalAfter is when a refusal leaves, counted from the call's arrival. It is far above what a look-up takes, so that how long it took
// doesn't tell a wrong token from an unknown delivery.
const refusalAfter = 20 * time.Millisecond

// Containments shows what an alert's link is about and takes its answer.
type Containments struct {
	Deps
}

// NewContainments puts the use case together.
func NewContainments(d Deps) *Containments { return &Containments{Deps: d} }

// Link is what an alert's link carries; together they are all the authority there is.
type Link struct {
	DeliveryID string
	Token      secret.Text
}

// Describe is the alert behind a link. It changes nothing.
func (f *Containments) Describe(ctx context.Context, l Link) (alert.Delivery, error) {
	arrived := f.Now()
	d, _, err := f.find(ctx, l)
	if err != nil {
		return alert.Delivery{}, f.refuse(ctx, arrived, err)
	}
	return d, nil
}

// Confirm takes the answer "this wasn't me": the answer, the command to authn and the audit record are one transaction. A repeat answers
// as the first did and adds nothing. from is where the answer was given, for the record; it decides nothing.
func (f *Containments) Confirm(ctx context.Context, l Link, from netip.Addr) (alert.Delivery, error) {
	arrived := f.Now()
	// Checked before the transaction too, so that guesses write nothing.
	_, presented, err := f.find(ctx, l)
	if err != nil {
		return alert.Delivery{}, f.refuse(ctx, arrived, err)
	}
	record := f.answered(ctx, l, from, arrived)
	var d alert.Delivery
	var valid, first bool
	err = f.Store.Update(ctx, func(tx store.Tx) error {
		var err error
		if d, _, err = tx.Deliveries.Get(l.DeliveryID); err != nil {
			return err
		}
		valid, first = d.AnswersTo(presented), false
		if !valid || !d.Confirm(arrived) {
			return nil
		}
		first = true
		return commit(tx, d, l.Token, from, record)
	})
	if err != nil {
		return alert.Delivery{}, fmt.Errorf("confirm containment: %w", err)
	}
	if !valid {
		return alert.Delivery{}, f.refuse(ctx, arrived, errTokenInvalid)
	}
	if first {
		f.Metrics.answers.Inc()
	}
	return d, nil
}

// find is the delivery that the link belongs to. An unknown one is compared like any other: with a digest that nothing matches.
func (f *Containments) find(ctx context.Context, l Link) (alert.Delivery, secret.Digest, error) {
	presented := secret.Hash(l.Token)
	var d alert.Delivery
	err := f.Store.View(ctx, func(tx store.Tx) (err error) {
		d, _, err = tx.Deliveries.Get(l.DeliveryID)
		return err
	})
	if err != nil {
		return alert.Delivery{}, secret.Digest{}, fmt.Errorf("read delivery: %w", err)
	}
	if !d.AnswersTo(presented) {
		return alert.Delivery{}, secret.Digest{}, errTokenInvalid
	}
	return d, presented, nil
}

// refuse holds the error back until its moment.
func (f *Containments) refuse(ctx context.Context, arrived time.Time, err error) error {
	wait := time.NewTimer(refusalAfter - f.Now().Sub(arrived))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
	return err
}

// answered is the record of an answer. Who holds the mailed token is the account's user as far as anybody can tell.
func (f *Containments) answered(ctx context.Context, l Link, from netip.Addr, at time.Time) audit.Record {
	return audit.Record{
		ID: id.New("aud", at), At: at, Action: "containment.confirm", Outcome: audit.Done, Network: from,
		Authority: "contain-token of delivery " + l.DeliveryID, Reason: "this wasn't me", RequestID: telemetry.RequestID(ctx),
	}
}

func commit(tx store.Tx, d alert.Delivery, token secret.Text, from netip.Addr, record audit.Record) error {
	if err := tx.Deliveries.Put(d); err != nil {
		return err
	}
	ip := ""
	if from.IsValid() {
		ip = from.String()
	}
	if err := command(tx, d, token, ip); err != nil {
		return err
	}
	record.Actor = audit.Actor{Kind: audit.User, ID: d.SignIn.UserID}
	record.Target = audit.Target{Kind: "session", ID: d.SignIn.SessionID}
	return tx.Audit.Append(record)
}
