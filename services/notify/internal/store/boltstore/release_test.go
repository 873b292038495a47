package boltstore_test

import (
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
	"github.com/doorward/doorward/services/notify/internal/store/boltstore"
	"github.com/doorward/doorward/services/notify/internal/store/storetest"
)

// A deployment's store was written by a release before this one.
func TestStoresOfEarlierReleasesAreRead(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	delivery := storetest.Delivery(1, alert.NewDevice)
	delivery.ID, delivery.Token = "dlv_1", secret.Hash(secret.Wrap("the same at every call"))
	write := func(t *testing.T, path string) {
		s := open(t, path)
		err := s.Update(t.Context(), func(tx store.Tx) error {
			return errors.Join(tx.Deliveries.Put(delivery), tx.Events.MarkHandled("evt_1", at), tx.Caps.Set(alert.SignUpTaken, delivery.Email, at),
				tx.Outbox.Append(outboxtest.NewRow(1, "usr_1")))
		})
		if err := errors.Join(err, s.Close()); err != nil {
			t.Fatal(err)
		}
	}
	boltdbtest.Releases(t, boltstore.SchemaVersion, write, func(t *testing.T, path string) {
		s := open(t, path)
		err := s.View(t.Context(), func(tx store.Tx) error {
			got, _, err := tx.Deliveries.Get(delivery.ID)
			boltdbtest.StillHas(t, "delivery", delivery, got)
			due, errDue := tx.Deliveries.Due(delivery.NextTryAt, 10)
			handled, errHandled := tx.Events.Handled("evt_1")
			last, errLast := tx.Caps.Last(alert.SignUpTaken, delivery.Email)
			if len(due) != 1 || !handled || !last.Equal(at) {
				t.Errorf("%d deliveries are due; the event is handled: %t; the cap was set at %v", len(due), handled, last)
			}
			return errors.Join(err, errDue, errHandled, errLast)
		})
		rows, errRows := s.Queue().Pending(t.Context(), 10)
		if len(rows) != 1 {
			t.Errorf("%d rows wait in the outbox", len(rows))
		}
		if err := errors.Join(err, errRows); err != nil {
			t.Error(err)
		}
	})
}
