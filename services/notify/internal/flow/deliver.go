package flow

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/mail"
)

// deliver makes one try and records how it went. A store that doesn't take the record holds its worker up for a moment, which paces all of
// them.
func (o *Outgoing) deliver(ctx context.Context, d alert.Delivery) {
	err := o.try(ctx, d)
	if err == nil {
		return
	}
	o.Logger.LogAttrs(ctx, slog.LevelError, "a try wasn't recorded", slog.String("delivery_id", d.ID), slog.Any("error", err))
	pause := time.NewTimer(lookEvery)
	defer pause.Stop()
	select {
	case <-pause.C:
	case <-ctx.Done():
	}
}

// try asks authn for the link, claims the delivery, hands it over. The claim is on disk before the mail server hears of it: from then on a
// crash may have sent it.
func (o *Outgoing) try(ctx context.Context, d alert.Delivery) error {
	if d.Nowhere() {
		return o.outcome(ctx, d, errNowhere)
	}
	composed, to, err := o.compose(ctx, d)
	if err != nil {
		return o.outcome(ctx, d, err)
	}
	token := to.digest()
	claimed, begun, err := o.record(ctx, d.ID, func(d *alert.Delivery) bool {
		d.Token = token
		return d.Begin(o.Now())
	})
	if err != nil || !begun {
		return err
	}
	return o.outcome(ctx, claimed, o.Post(ctx, composed))
}

// outcome records how a try ended: nil is an acceptance.
func (d *Deps) outcome(ctx context.Context, of alert.Delivery, failure error) error {
	schedule, now := d.Policy(ctx).Schedule(), d.Now()
	after, done, err := d.record(ctx, of.ID, func(held *alert.Delivery) bool {
		switch {
		case failure == nil:
			return held.Accept(now)
		case errors.Is(failure, errUnnamed), errors.Is(failure, errNowhere):
			return held.Drop(failure.Error(), now)
		case errors.Is(failure, mail.ErrPermanent), errors.Is(failure, ErrFinal):
			return held.Fail(failure.Error(), now)
		default:
			return held.Retry(schedule, failure.Error(), now)
		}
	})
	if err != nil || !done || failure == nil {
		return err
	}
	level := slog.LevelWarn
	if after.State == alert.Failed && !after.Kind.Sealed() {
		level = slog.LevelError // somebody who should know doesn't
	}
	if !after.State.Settled() {
		d.Metrics.retries.WithLabelValues(string(after.Kind)).Inc()
	}
	d.Logger.LogAttrs(ctx, level, "a mail wasn't accepted", slog.String("delivery_id", after.ID), slog.String("kind", string(after.Kind)),
		slog.String("state", string(after.State)), slog.Int("tries", after.Tries), slog.Any("error", failure))
	return nil
}
