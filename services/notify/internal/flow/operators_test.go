package flow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// letters are dead letters in the test's hands.
type letters struct {
	all []flow.Letter
	err error
}

func (l *letters) List(_ context.Context, after uint64, limit int) (page []flow.Letter, err error) {
	for _, letter := range l.all {
		if letter.Sequence > after && len(page) < limit {
			page = append(page, letter)
		}
	}
	return page, l.err
}

func (l *letters) Replay(context.Context, uint64) error { return l.err }

func asOperator(t *testing.T) context.Context {
	return access.NewContext(t.Context(), access.Principal{Kind: access.Service, ID: "operator", Name: "operator"})
}

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
	f := flow.NewOperators(w.Deps, &letters{})
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

func TestDeadLettersArePaged(t *testing.T) {
	w := newWorld(t)
	f := flow.NewOperators(w.Deps, &letters{all: []flow.Letter{{Sequence: 3}, {Sequence: 7}, {Sequence: 9}}})
	page, next, err := f.DeadLetters(t.Context(), "", 2)
	w.must(err)
	if len(page) != 2 || next != "7" {
		t.Errorf("%d letters, next %q", len(page), next)
	}
	page, next, err = f.DeadLetters(t.Context(), next, 2)
	w.must(err)
	if len(page) != 1 || page[0].Sequence != 9 || next != "" {
		t.Errorf("%v, next %q", page, next)
	}
	if _, _, err := f.DeadLetters(t.Context(), "-1", 2); fault.KindOf(err) != fault.Invalid {
		t.Errorf("a page token that is none: %v", err)
	}
	down := flow.NewOperators(w.Deps, &letters{err: errDown})
	if _, _, err := down.DeadLetters(t.Context(), "", 2); fault.KindOf(err) != fault.Unavailable {
		t.Errorf("NATS is down: %v", err)
	}
}

func TestAReplayIsAuditedHoweverItEnds(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		kind fault.Kind
		end  string
	}{
		{"handled", nil, 0, "done"},
		{"failed again", flow.ErrStillFails, fault.Precondition, "failed"},
		{"gone", flow.ErrNoLetter, fault.NotFound, "failed"},
		{"NATS is down", errDown, fault.Unavailable, "failed"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			err := flow.NewOperators(w.Deps, &letters{err: test.err}).Replay(asOperator(t), 7)
			if (err != nil) != (test.err != nil) || (err != nil && fault.KindOf(err) != test.kind) {
				t.Errorf("Replay = %v", err)
			}
			w.wantAudit("dead_letter.replay.order done operator 7", "dead_letter.replay "+test.end+" operator 7")
		})
	}
}

func TestNobodyKnownReplaysNothing(t *testing.T) {
	w := newWorld(t)
	if err := flow.NewOperators(w.Deps, &letters{}).Replay(t.Context(), 7); err == nil {
		t.Error("a replay that nobody asked for was done")
	}
	w.wantAudit()
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
