package flow

import (
	"context"
	"fmt"

	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// keep stores a changed delivery, with its event when it has come to an end.
func keep(tx store.Tx, d alert.Delivery) error {
	if err := tx.Deliveries.Put(d); err != nil {
		return err
	}
	if !d.State.Settled() {
		return nil
	}
	return tellSettled(tx, d)
}

// record applies a step to the delivery as it is now and keeps it. A step that isn't allowed any more changes nothing: somebody else was
// first, and done is false.
func (d *Deps) record(ctx context.Context, id string, step func(*alert.Delivery) bool) (held alert.Delivery, done bool, err error) {
	ctx, cancel := recording(ctx)
	defer cancel()
	err = d.Store.Update(ctx, func(tx store.Tx) error {
		var found bool
		var err error
		done = false
		if held, found, err = tx.Deliveries.Get(id); err != nil || !found {
			return err
		}
		if done = step(&held); !done {
			return nil
		}
		return keep(tx, held)
	})
	if err != nil {
		return alert.Delivery{}, false, fmt.Errorf("record delivery %s: %w", id, err)
	}
	if done {
		d.Metrics.count(held)
	}
	return held, done, nil
}
