package flow_test

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/store"
)

func TestDeliveriesArePaged(t *testing.T) {
	w := newWorld(t)
	var want []string
	w.update(func(tx store.Tx) error {
		want = nil
		for n := range 5 {
			d := alert.New(id.New("dlv", noon.Add(time.Duration(n)*time.Second)), "evt_"+string(rune('a'+n)), alert.Code, "ann@example.com", noon)
			want = append([]string{d.ID}, want...)
			if err := tx.Deliveries.Put(d); err != nil {
				return err
			}
		}
		return nil
	})
	f := flow.NewOperators(w.Deps)
	var got []string
	pages := 0
	for next, more := "", true; more; pages++ {
		page, after, err := f.Deliveries(t.Context(), alert.Filter{Limit: 2, Before: next})
		w.must(err)
		for _, d := range page {
			got = append(got, d.ID)
		}
		next, more = after, after != ""
	}
	if diff := cmp.Diff(want, got); diff != "" || pages != 3 {
		t.Errorf("%d pages (-want +got):\n%s", pages, diff)
	}
	if _, _, err := f.Deliveries(t.Context(), alert.Filter{Before: "usr_1"}); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a page token of something else: %v", err)
	}
}

func TestTheSweepTakesWhatIsOldAndLeavesTheRest(t *testing.T) {
	w := newWorld(t)
	w.smtp.answers(down)
	mails := flow.NewMails(w.Deps)
	if err := mails.Send(t.Context(), codeMail()); !errors.Is(err, errDown) {
		t.Fatal(err)
	}
	w.alerted("evt_2")
	sweeper := flow.NewSweeper(w.Deps)
	w.clock.advance(14 * time.Minute)
	w.must(sweeper.Sweep(t.Context()))
	if got := w.of("evt_1"); got.State != alert.Queued {
		t.Errorf("a code whose handler may be at work is %s", got.State)
	}
	w.clock.advance(2 * time.Minute)
	w.must(sweeper.Sweep(t.Context()))
	code, alerted := w.of("evt_1"), w.of("evt_2")
	if code.State != alert.Dropped || w.settled()[code.ID] != "dropped" || alerted.State != alert.Queued {
		t.Errorf("the abandoned code is %s, the alert %s", code.State, alerted.State)
	}
	w.clock.advance(91 * 24 * time.Hour)
	w.must(sweeper.Sweep(t.Context()))
	if all := w.deliveries(); len(all) != 1 || all[0].ID != alerted.ID {
		t.Errorf("%d deliveries are left, want the unsettled alert", len(all))
	}
	// The event is known for longer than the stream keeps it.
	asked := w.authn.times()
	w.must(flow.NewAlerts(w.Deps, nobody).NewDevice(t.Context(), "evt_2", signIn()))
	if w.authn.times() != asked {
		t.Error("an event that the stream may still hold was forgotten")
	}
}
