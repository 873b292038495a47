package flow

import (
	"context"
	"fmt"
	"time"

	"google.golang.org/protobuf/types/known/timestamppb"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/store"
)

const (
	// sweepBatch is how many records one transaction sweeps: few enough that others don't wait.
	sweepBatch = 200
	// sessionsKept is for how long an expired session can still be listed.
	sessionsKept = 30 * 24 * time.Hour
	// alertsKept is for how long an alert can be answered; the events live as long.
	alertsKept = 90 * 24 * time.Hour
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

// discard removes an attempt that will never be done. When its password had been right, somebody may know it who shouldn't: that is told.
func discard(tx store.Tx, a attempt.Attempt, now time.Time) error {
	if err := tx.Attempts.Delete(a.ID); err != nil || !a.Abandoned() {
		return err
	}
	user, found, err := tx.Users.Get(a.UserID)
	if err != nil || !found {
		return err
	}
	abandoned := &eventv1.SignInAbandoned{
		UserId:    a.UserID,
		AttemptId: a.ID,
		Ip:        a.Origin.IP,
		Device:    deviceMessage("", describe(a.Origin.UserAgent)),
		ProvedAt:  timestamppb.New(a.Proofs.PasswordAt),
	}
	if a.Assessment != nil {
		abandoned.Place = placeMessage(a.Assessment.Country, a.Assessment.CountryName)
	}
	if _, err := appendEvent(tx, &user, subjectSignInAbandoned, typeSignInAbandoned, now, abandoned); err != nil {
		return err
	}
	return tx.Users.Put(user)
}
