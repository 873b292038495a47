// Package storetest is the contract of notify's store as tests. Every backend runs it.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Run checks a store. open returns an empty one.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"FailedTransactionLeavesNothing":        failedTransaction,
		"RefusalIsAValue":                       refusalIsAValue,
		"ViewWritesNothing":                     viewWritesNothing,
		"EndedContextRunsNothing":               endedContext,
		"UpdatesDontInterleave":                 noInterleaving,
		"DeliveryComesBackWhole":                deliveryWhole,
		"WhatIsReadIsACopy":                     ownCopies,
		"EventAddressAndKindHaveOneDelivery":    oneDelivery,
		"EventsDeliveriesAreFound":              ofEvent,
		"DueAreQueuedAlertsEarliestFirst":       due,
		"WaitingAreThoseThatArentSettled":       waiting,
		"ListIsNewestFirstAndNarrowed":          list,
		"ListGoesPastWhatItLeavesOut":           longList,
		"OnlyOldSettledDeliveriesAreDeleted":    deleteDeliveries,
		"HandledEventsAreRemembered":            events,
		"CapsAreRemembered":                     caps,
		"OutboxIsKeptExactlyWithTheTransaction": outboxRows,
	} {
		t.Run(name, func(t *testing.T) { test(t, open(t)) })
	}
}

// Delivery is a complete delivery; n gives it its id, its time and its event.
func Delivery(n int, kind alert.Kind) alert.Delivery {
	at := noon.Add(time.Duration(n) * time.Second)
	d := alert.New(id.New("dlv", at), fmt.Sprintf("evt_%d", n), kind, "Ann@example.com", at)
	d.Language, d.LastError, d.Tries = "de", "not yet", 2
	if kind.Sealed() {
		d.ExpiresAt = at.Add(time.Minute)
		return d
	}
	d.Token = secret.Hash(secret.New("cnt"))
	d.SignIn = alert.SignIn{
		UserID: "usr_1", SessionID: "ses_1", DeviceID: "dev_1", Browser: "Firefox 146", System: "Linux", DeviceKind: alert.Desktop,
		CountryCode: "PT", Country: "Portugal", IP: "192.0.2.1", AMR: []string{"pwd", "otp"}, At: at,
	}
	d.Containment = &alert.Containment{SignInEventID: "evt_0", At: at, Sessions: 2, Devices: 1}
	d.ConfirmedAt = at
	return d
}

func update(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.Update(t.Context(), fn); err != nil {
		t.Fatalf("Update: %v", err)
	}
}

func view(t *testing.T, s store.Store, fn func(store.Tx) error) {
	t.Helper()
	if err := s.View(t.Context(), fn); err != nil {
		t.Fatalf("View: %v", err)
	}
}

func put(t *testing.T, s store.Store, all ...alert.Delivery) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		for _, d := range all {
			if err := tx.Deliveries.Put(d); err != nil {
				return err
			}
		}
		return nil
	})
}

func get(t *testing.T, s store.Store, id string) (d alert.Delivery, found bool) {
	t.Helper()
	view(t, s, func(tx store.Tx) (err error) {
		d, found, err = tx.Deliveries.Get(id)
		return err
	})
	return d, found
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func failedTransaction(t *testing.T, s store.Store) {
	failed := errors.New("failed")
	d := Delivery(1, alert.NewDevice)
	err := s.Update(t.Context(), func(tx store.Tx) error {
		return errors.Join(tx.Deliveries.Put(d), tx.Events.MarkHandled("evt_1", noon), tx.Caps.Set(alert.SignUpTaken, d.Email, noon), failed)
	})
	if !errors.Is(err, failed) {
		t.Fatalf("Update = %v, want the closure's error", err)
	}
	view(t, s, func(tx store.Tx) error {
		_, found, err := tx.Deliveries.Find(d.EventID, d.Email, d.Kind)
		handled, errHandled := tx.Events.Handled("evt_1")
		last, errLast := tx.Caps.Last(alert.SignUpTaken, d.Email)
		if found || handled || !last.IsZero() {
			t.Error("a failed transaction left something")
		}
		return errors.Join(err, errHandled, errLast)
	})
}

func waiting(t *testing.T, s store.Store) {
	queued, sending, accepted, code := Delivery(1, alert.NewDevice), Delivery(2, alert.NewDevice), Delivery(3, alert.NewDevice), Delivery(4, alert.Code)
	sending.Begin(noon)
	accepted.Accept(noon)
	put(t, s, code, queued, sending, accepted)
	for limit, want := range map[int][]alert.Delivery{10: {sending, queued, code}, 2: {sending, queued}, 1: {sending}} {
		var got []alert.Delivery
		view(t, s, func(tx store.Tx) (err error) {
			got, err = tx.Deliveries.Waiting(limit)
			return err
		})
		same(t, fmt.Sprintf("the first %d that wait", limit), want, got)
	}
}

func refusalIsAValue(t *testing.T, s store.Store) {
	var refused bool
	update(t, s, func(tx store.Tx) error {
		refused = true
		return tx.Events.MarkHandled("evt_1", noon)
	})
	view(t, s, func(tx store.Tx) error {
		handled, err := tx.Events.Handled("evt_1")
		if !refused || !handled {
			t.Error("a refusal undid the transaction")
		}
		return err
	})
}

func viewWritesNothing(t *testing.T, s store.Store) {
	d := Delivery(1, alert.NewDevice)
	if err := s.View(t.Context(), func(tx store.Tx) error { return tx.Deliveries.Put(d) }); err == nil {
		t.Error("a View wrote")
	}
	if _, found := get(t, s, d.ID); found {
		t.Error("what a View wrote is there")
	}
}

func endedContext(t *testing.T, s store.Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := s.Update(ctx, func(tx store.Tx) error { return tx.Events.MarkHandled("evt_1", noon) })
	if err == nil {
		return // it was picked before it was looked at; then it ran, and that is true
	}
	if !errors.Is(err, context.Canceled) {
		t.Errorf("Update = %v, want context.Canceled", err)
	}
	view(t, s, func(tx store.Tx) error {
		handled, err := tx.Events.Handled("evt_1")
		if handled {
			t.Error("a closure ran though its context had ended")
		}
		return err
	})
}

// noInterleaving has many claim one delivery at once: one gets it.
func noInterleaving(t *testing.T, s store.Store) {
	d := Delivery(1, alert.NewDevice)
	put(t, s, d)
	const callers = 32
	won := make([]bool, callers)
	var all sync.WaitGroup
	for i := range callers {
		all.Go(func() {
			err := s.Update(t.Context(), func(tx store.Tx) error {
				held, _, err := tx.Deliveries.Get(d.ID)
				if err != nil {
					return err
				}
				won[i] = held.Begin(noon)
				return tx.Deliveries.Put(held)
			})
			if err != nil {
				t.Errorf("Update: %v", err)
			}
		})
	}
	all.Wait()
	winners := 0
	for _, w := range won {
		if w {
			winners++
		}
	}
	if winners != 1 {
		t.Errorf("%d callers claimed the delivery, want 1", winners)
	}
}

func deliveryWhole(t *testing.T, s store.Store) {
	full, bare := Delivery(1, alert.Contained), Delivery(2, alert.Code)
	put(t, s, full, bare)
	for _, want := range []alert.Delivery{full, bare} {
		got, found := get(t, s, want.ID)
		if !found {
			t.Fatalf("delivery %s isn't there", want.ID)
		}
		same(t, "delivery", want, got)
	}
	if _, found := get(t, s, "dlv_unknown"); found {
		t.Error("an unknown delivery was found")
	}
	full.Accept(noon.Add(time.Hour))
	put(t, s, full)
	got, _ := get(t, s, full.ID)
	same(t, "replaced delivery", full, got)
}

func ownCopies(t *testing.T, s store.Store) {
	d := Delivery(1, alert.Contained)
	put(t, s, d)
	got, _ := get(t, s, d.ID)
	got.SignIn.AMR[0], got.Containment.Sessions = "changed", 99
	again, _ := get(t, s, d.ID)
	same(t, "delivery", d, again)
}

func oneDelivery(t *testing.T, s store.Store) {
	first := Delivery(1, alert.NewDevice)
	put(t, s, first)
	second := Delivery(2, alert.NewDevice)
	second.EventID, second.Email = first.EventID, "ANN@example.com"
	if err := s.Update(t.Context(), func(tx store.Tx) error { return tx.Deliveries.Put(second) }); !errors.Is(err, store.ErrTaken) {
		t.Errorf("a second delivery: %v, want ErrTaken", err)
	}
	if _, found := get(t, s, second.ID); found {
		t.Error("the refused delivery is there")
	}
	otherKind, otherAddress := Delivery(3, alert.Contained), Delivery(4, alert.NewDevice)
	otherKind.EventID, otherAddress.EventID, otherAddress.Email = first.EventID, first.EventID, "bob@example.com"
	put(t, s, otherKind, otherAddress, first)
	view(t, s, func(tx store.Tx) error {
		got, found, err := tx.Deliveries.Find(first.EventID, "aNN@example.com", alert.NewDevice)
		if !found || got.ID != first.ID {
			t.Errorf("found %q, want %q", got.ID, first.ID)
		}
		return err
	})
}

func ofEvent(t *testing.T, s store.Store) {
	first, second, other := Delivery(1, alert.NewDevice), Delivery(2, alert.NewDevice), Delivery(3, alert.NewDevice)
	second.EventID, second.Email = first.EventID, "bob@example.com"
	other.EventID = first.EventID + "0" // an id that begins as the first does
	put(t, s, first, second, other)
	view(t, s, func(tx store.Tx) error {
		got, err := tx.Deliveries.OfEvent(first.EventID, 10)
		byID := cmpopts.SortSlices(func(a, b alert.Delivery) bool { return a.ID < b.ID })
		if diff := cmp.Diff([]alert.Delivery{first, second}, got, byID); diff != "" {
			t.Errorf("deliveries of the event (-want +got):\n%s", diff)
		}
		few, errFew := tx.Deliveries.OfEvent(first.EventID, 1)
		if len(few) != 1 {
			t.Errorf("%d deliveries, asked for 1", len(few))
		}
		return errors.Join(err, errFew)
	})
}

func wantDue(t *testing.T, s store.Store, at time.Time, limit int, want ...alert.Delivery) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, err := tx.Deliveries.Due(at, limit)
		same(t, "due", want, got)
		return err
	})
}

func due(t *testing.T, s store.Store) {
	early, late, sealed := Delivery(1, alert.NewDevice), Delivery(2, alert.NewDevice), Delivery(3, alert.Code)
	early.NextTryAt, late.NextTryAt = noon.Add(time.Minute), noon.Add(time.Hour)
	sealed.NextTryAt = noon
	put(t, s, late, early, sealed)
	wantDue(t, s, noon, 10)
	wantDue(t, s, early.NextTryAt.Add(-1), 10)
	wantDue(t, s, early.NextTryAt, 10, early)
	wantDue(t, s, late.NextTryAt, 10, early, late)
	wantDue(t, s, late.NextTryAt, 1, early)
	early.Begin(noon)
	put(t, s, early)
	wantDue(t, s, late.NextTryAt, 10, late)
	early.Resume(late.NextTryAt)
	late.Drop("unwanted", noon)
	put(t, s, early, late)
	wantDue(t, s, late.NextTryAt, 10, early)
}

func wantList(t *testing.T, s store.Store, f alert.Filter, want ...alert.Delivery) {
	t.Helper()
	view(t, s, func(tx store.Tx) error {
		got, err := tx.Deliveries.List(f)
		same(t, fmt.Sprintf("list %+v", f), want, got)
		return err
	})
}

func list(t *testing.T, s store.Store) {
	a, b, c, d := Delivery(1, alert.NewDevice), Delivery(2, alert.Code), Delivery(3, alert.NewDevice), Delivery(4, alert.NewDevice)
	b.Email, d.Email = "bob@example.com", "ann@example.com.evil.example"
	c.Begin(noon)
	put(t, s, a, b, c, d)
	wantList(t, s, alert.Filter{Limit: 10}, d, c, b, a)
	wantList(t, s, alert.Filter{Limit: 2}, d, c)
	wantList(t, s, alert.Filter{Limit: 2, Before: c.ID}, b, a)
	wantList(t, s, alert.Filter{Limit: 10, State: alert.Queued}, d, b, a)
	wantList(t, s, alert.Filter{Limit: 1, State: alert.Queued, Before: b.ID}, a)
	wantList(t, s, alert.Filter{Limit: 10, Email: "ANN@EXAMPLE.COM"}, c, a)
	wantList(t, s, alert.Filter{Limit: 10, Email: "ann@example.com", State: alert.Sending}, c)
	wantList(t, s, alert.Filter{Limit: 10, Email: "ann@example.com", Before: c.ID}, a)
	wantList(t, s, alert.Filter{Limit: 10, State: alert.Failed})
	c.Accept(noon)
	put(t, s, c)
	wantList(t, s, alert.Filter{Limit: 10, State: alert.Sending})
	wantList(t, s, alert.Filter{Limit: 10, State: alert.Accepted}, c)
}

// longList has one delivery that is wanted, older than many that aren't.
func longList(t *testing.T, s store.Store) {
	wanted := Delivery(0, alert.NewDevice)
	wanted.Begin(noon)
	all := []alert.Delivery{wanted}
	for n := range 500 {
		all = append(all, Delivery(n+1, alert.NewDevice))
	}
	put(t, s, all...)
	wantList(t, s, alert.Filter{Limit: 1, Email: wanted.Email, State: alert.Sending}, wanted)
}

func deleteDeliveries(t *testing.T, s store.Store) {
	settled, open, young := Delivery(1, alert.NewDevice), Delivery(2, alert.NewDevice), Delivery(100, alert.NewDevice)
	settled.Fail("no", noon)
	young.Fail("no", noon)
	put(t, s, settled, open, young)
	update(t, s, func(tx store.Tx) error {
		n, err := tx.Deliveries.DeleteBefore(noon.Add(time.Minute), 10)
		if n != 1 {
			t.Errorf("%d deleted, want 1", n)
		}
		return err
	})
	wantList(t, s, alert.Filter{Limit: 10}, young, open)
	wantList(t, s, alert.Filter{Limit: 10, Email: open.Email}, young, open)
	wantList(t, s, alert.Filter{Limit: 10, State: alert.Failed}, young)
	put(t, s, settled) // its event, address and kind are free again
}

func events(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.Events.MarkHandled("evt_1", noon), tx.Events.MarkHandled("evt_2", noon.Add(time.Hour)),
			tx.Events.MarkHandled("evt_1", noon.Add(time.Minute)))
	})
	wantForgotten(t, s, noon.Add(time.Minute), 0)
	wantForgotten(t, s, noon.Add(time.Minute+1), 1)
	view(t, s, func(tx store.Tx) error {
		first, errFirst := tx.Events.Handled("evt_1")
		second, errSecond := tx.Events.Handled("evt_2")
		if first || !second {
			t.Errorf("remembered: evt_1 %t, evt_2 %t", first, second)
		}
		return errors.Join(errFirst, errSecond)
	})
}

func wantForgotten(t *testing.T, s store.Store, before time.Time, want int) {
	t.Helper()
	update(t, s, func(tx store.Tx) error {
		n, err := tx.Events.DeleteBefore(before, 10)
		if n != want {
			t.Errorf("%d events forgotten, want %d", n, want)
		}
		return err
	})
}

func caps(t *testing.T, s store.Store) {
	update(t, s, func(tx store.Tx) error {
		return errors.Join(tx.Caps.Set(alert.SignUpTaken, "Ann@example.com", noon), tx.Caps.Set(alert.Code, "ann@example.com", noon.Add(time.Hour)))
	})
	wantCap := func(kind alert.Kind, email string, want time.Time) {
		t.Helper()
		view(t, s, func(tx store.Tx) error {
			got, err := tx.Caps.Last(kind, email)
			if !got.Equal(want) {
				t.Errorf("last %s to %s: %v, want %v", kind, email, got, want)
			}
			return err
		})
	}
	wantCap(alert.SignUpTaken, "ann@EXAMPLE.com", noon)
	wantCap(alert.SignUpTaken, "bob@example.com", time.Time{})
	update(t, s, func(tx store.Tx) error {
		_, err := tx.Caps.DeleteBefore(noon.Add(time.Minute), 10)
		return err
	})
	wantCap(alert.SignUpTaken, "ann@example.com", time.Time{})
	wantCap(alert.Code, "ann@example.com", noon.Add(time.Hour))
}

func outboxRows(t *testing.T, s store.Store) {
	row := outbox.Row{ID: "evt_9", Subject: "doorward.event.notify.delivery.settled", Type: "notify.delivery.settled.v1", Source: "notify", Time: noon}
	failed := errors.New("failed")
	if err := s.Update(t.Context(), func(tx store.Tx) error { return errors.Join(tx.Outbox.Append(row), failed) }); !errors.Is(err, failed) {
		t.Fatalf("Update = %v", err)
	}
	// The id is free, so nothing was kept.
	update(t, s, func(tx store.Tx) error { return tx.Outbox.Append(row) })
}
