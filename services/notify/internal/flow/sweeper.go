package flow

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

const (
	sweepEvery = 10 * time.Minute
	sweepChunk = 500 // what one transaction deletes at most, so that others needn't wait long
	// sweepTimeout bounds one sweep.
	sweepTimeout = time.Minute
	// lateness is how long after its expiry a sealed mail is taken for abandoned: longer than any handler works on it.
	lateness = 5 * time.Minute
	// keepHandled is how long a handled event is known: longer than the stream keeps it, because a consumer that is made anew begins at the
	// stream's beginning.
	keepHandled = 100 * 24 * time.Hour
)

// Sweeper removes what has grown old.
type Sweeper struct {
	Deps
}

// NewSweeper puts the loop together; Run runs it.
func NewSweeper(d Deps) *Sweeper { return &Sweeper{Deps: d} }

// Run sweeps now and then until ctx ends.
func (f *Sweeper) Run(ctx context.Context) error {
	tick := time.NewTicker(sweepEvery)
	defer tick.Stop()
	for {
		if err := f.Sweep(ctx); err != nil && ctx.Err() == nil {
			f.Logger.LogAttrs(ctx, slog.LevelWarn, "can't remove what is old", slog.Any("error", err))
		}
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
	}
}

// Sweep drops sealed mails whose message never came again, and deletes deliveries, handled events and caps by age.
func (f *Sweeper) Sweep(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, sweepTimeout)
	defer cancel()
	for _, state := range []alert.State{alert.Queued, alert.Sending} {
		if err := f.dropAbandoned(ctx, state); err != nil {
			return err
		}
	}
	now, policy := f.Now(), f.Policy(ctx)
	for what, step := range map[string]func(store.Tx) (int, error){
		"deliveries": func(tx store.Tx) (int, error) {
			return tx.Deliveries.DeleteBefore(now.Add(-policy.KeepDeliveries), sweepChunk)
		},
		"handled events": func(tx store.Tx) (int, error) { return tx.Events.DeleteBefore(now.Add(-keepHandled), sweepChunk) },
		"caps": func(tx store.Tx) (int, error) {
			return tx.Caps.DeleteBefore(now.Add(-policy.SignUpTakenEvery), sweepChunk)
		},
	} {
		if err := f.deleteAll(ctx, step); err != nil {
			return fmt.Errorf("delete old %s: %w", what, err)
		}
	}
	return nil
}

// deleteAll repeats a step, each time in a transaction of its own, until it finds less than a full chunk.
func (f *Sweeper) deleteAll(ctx context.Context, step func(store.Tx) (int, error)) error {
	for {
		var n int
		err := f.Store.Update(ctx, func(tx store.Tx) (err error) {
			n, err = step(tx)
			return err
		})
		if err != nil || n < sweepChunk {
			return err
		}
	}
}

// dropAbandoned ends sealed mails that expired a while ago in a state that isn't an end.
func (f *Sweeper) dropAbandoned(ctx context.Context, state alert.State) error {
	now := f.Now()
	for before := ""; ; {
		var page []alert.Delivery
		err := f.Store.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Deliveries.List(alert.Filter{State: state, Before: before, Limit: sweepChunk})
			return err
		})
		if err != nil {
			return fmt.Errorf("look for abandoned mails: %w", err)
		}
		for _, d := range page {
			if !d.Expired(now.Add(-lateness)) {
				continue
			}
			if _, _, err := f.record(ctx, d.ID, func(d *alert.Delivery) bool { return d.Drop("its message never came again", now) }); err != nil {
				return err
			}
		}
		if len(page) < sweepChunk {
			return nil
		}
		before = page[len(page)-1].ID
	}
}
