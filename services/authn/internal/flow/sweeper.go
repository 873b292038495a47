package flow

import (
	"context"
	"fmt"
	"time"

	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// sweepBatch is how many records one transaction sweeps: few enough that others don't wait.
	sweepBatch = 200
	// sessionsKept is for how long an expired session can still be listed.
	sessionsKept = 30 * 24 * time.Hour
	// alertsKept is for how long an alert can be answered; the events live as long.
	alertsKept = 90 * 24 * time.Hour
	// invitationsKept is for how long an invitation that has ended can still be listed.
	invitationsKept = 30 * 24 * time.Hour
)

// Sweeper removes what has expired.
type Sweeper struct {
	store store.Store
	now   func() time.Time
}

// NewSweeper puts the use case together.
func NewSweeper(s store.Store, now func() time.Time) *Sweeper { return &Sweeper{store: s, now: now} }

// Sweep removes all that has expired by now, a batch at a time.
func (f *Sweeper) Sweep(ctx context.Context) error {
	now := f.now()
	for _, sweep := range []func(store.Tx) (int, error){
		func(tx store.Tx) (int, error) { return sweepAttempts(tx, now) },
		func(tx store.Tx) (int, error) { return tx.Budgets.DeleteExpired(now, sweepBatch) },
		func(tx store.Tx) (int, error) { return tx.Lockouts.DeleteExpired(now, sweepBatch) },
		func(tx store.Tx) (int, error) { return tx.Sessions.DeleteExpired(now.Add(-sessionsKept), sweepBatch) },
		func(tx store.Tx) (int, error) { return tx.Alerts.DeleteBefore(now.Add(-alertsKept), sweepBatch) },
		func(tx store.Tx) (int, error) {
			return tx.Invitations.DeleteEnded(now.Add(-invitationsKept), sweepBatch)
		},
	} {
		if err := f.repeat(ctx, sweep); err != nil {
			return fmt.Errorf("sweep: %w", err)
		}
	}
	return nil
}

// repeat runs a sweep until it finds less than a batch.
func (f *Sweeper) repeat(ctx context.Context, sweep func(store.Tx) (int, error)) error {
	for {
		var swept int
		err := f.store.Update(ctx, func(tx store.Tx) (err error) {
			swept, err = sweep(tx)
			return err
		})
		if err != nil || swept < sweepBatch {
			return err
		}
	}
}

func sweepAttempts(tx store.Tx, now time.Time) (int, error) {
	expired, err := tx.Attempts.Expired(now, sweepBatch)
	if err != nil {
		return 0, err
	}
	for _, a := range expired {
		if err := discard(tx, a, now); err != nil {
			return 0, err
		}
	}
	return len(expired), nil
}
