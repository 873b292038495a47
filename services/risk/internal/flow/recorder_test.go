package flow_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/flow"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/store"
)

// record runs the recorder until what was assessed is written.
func (w *world) record() {
	w.t.Helper()
	ctx, cancel := context.WithCancel(w.t.Context())
	cancel()
	must(w.t, w.Recorder.Run(ctx))
}

func TestDecisionsAreListedAndExplained(t *testing.T) {
	w := newWorld(t, nil)
	var ids []string
	for range 7 {
		w.clock.forward(time.Second)
		ids = append(ids, w.assess("usr_1", berlin).ID)
		w.assess("usr_2", berlin)
	}
	w.record()

	var seen []string
	token := ""
	for range 4 {
		page, next, err := w.Decisions.List(t.Context(), "usr_1", 2, token)
		must(t, err)
		for _, r := range page {
			seen = append([]string{r.ID}, seen...)
		}
		token = next
	}
	if diff := cmp.Diff(ids, seen); diff != "" || token != "" {
		t.Errorf("pages, and then %q (-want +got):\n%s", token, diff)
	}
	if all, _, err := w.Decisions.List(t.Context(), "", 0, ""); err != nil || len(all) != 14 {
		t.Errorf("%d decisions of all, %v; want 14", len(all), err)
	}
	got, err := w.Decisions.Explain(t.Context(), ids[3])
	if err != nil || got.ID != ids[3] || len(got.Contributions) != 5 {
		t.Errorf("Explain = %+v, %v", got, err)
	}
}

func TestBadPagesAndUnknownDecisions(t *testing.T) {
	w := newWorld(t, nil)
	for _, token := range []string{"x", "usr_1", id.New("evt", noon)} {
		if _, _, err := w.Decisions.List(t.Context(), "", 10, token); fault.ReasonOf(err) != typev1.Reason_REASON_INVALID_FIELD {
			t.Errorf("List with token %q = %v, want INVALID_FIELD", token, err)
		}
	}
	if _, err := w.Decisions.Explain(t.Context(), id.New("dec", noon)); fault.ReasonOf(err) != typev1.Reason_REASON_NOT_FOUND {
		t.Errorf("Explain = %v, want NOT_FOUND", err)
	}
}

func TestDecisionsAreForgottenInTime(t *testing.T) {
	w := newWorld(t, nil)
	old := w.assess("usr_1", berlin)
	w.clock.forward(29 * 24 * time.Hour)
	young := w.assess("usr_1", berlin)
	w.record()
	w.clock.forward(25 * time.Hour)
	if n, err := w.Decisions.Sweep(t.Context()); n != 1 || err != nil {
		t.Errorf("Sweep = %d, %v; want 1", n, err)
	}
	if _, err := w.Decisions.Explain(t.Context(), old.ID); fault.ReasonOf(err) != typev1.Reason_REASON_NOT_FOUND {
		t.Errorf("the old one: %v, want NOT_FOUND", err)
	}
	if _, err := w.Decisions.Explain(t.Context(), young.ID); err != nil {
		t.Errorf("the young one: %v", err)
	}
}

func TestNoMoreDecisionsAreKeptThanAllowed(t *testing.T) {
	w := newWorld(t, func(d *flow.Deps) { d.KeepMost = 3 })
	last := ""
	for range 4 {
		for range 4 {
			w.clock.forward(time.Second)
			last = w.assess("", berlin).ID
		}
		w.record()
	}
	page, _, err := w.Decisions.List(t.Context(), "", 100, "")
	if err != nil || len(page) != 3 || page[0].ID != last {
		t.Errorf("%d decisions, %v; want the newest 3", len(page), err)
	}
}

// stuck is a store that writes nothing, after the test lets it fail.
type stuck struct {
	store.Store
	release chan struct{}
}

var errDisk = errors.New("disk full")

func (s stuck) Update(ctx context.Context, _ func(store.Tx) error) error {
	select {
	case <-s.release:
		return errDisk
	case <-ctx.Done():
		return ctx.Err()
	}
}

func TestASlowStoreLosesDecisionsAndSaysSoOnceAMinute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		release := make(chan struct{})
		recorder := flow.NewRecorder(stuck{release: release}, slog.New(slog.NewTextHandler(&log, nil)))
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- recorder.Run(ctx) }()

		const sent, held = 20_000, 8192 + 512
		for range sent {
			recorder.Add(score.Open)
			synctest.Wait()
		}
		if lost := recorder.Lost(); lost < sent-held || lost > sent-8192 {
			t.Errorf("lost %d of %d, want all but a queue and a batch", lost, sent)
		}
		close(release) // from now on every batch fails
		time.Sleep(90 * time.Second)
		synctest.Wait()
		if lost := recorder.Lost(); lost != sent {
			t.Errorf("lost %d, want all %d", lost, sent)
		}
		if n := strings.Count(log.String(), "decisions were lost"); n != 1 || !strings.Contains(log.String(), errDisk.Error()) {
			t.Errorf("%d lines in the log, want one with the cause:\n%s", n, &log)
		}
		cancel()
		must(t, <-ended)
	})
}

func TestAFloodAtTheGateLeavesRoomForWhoGotIn(t *testing.T) {
	recorder := flow.NewRecorder(stuck{}, slog.New(slog.DiscardHandler)) // nothing is written while nobody runs it
	for range 20_000 {
		recorder.Add(score.Block)
	}
	lost := recorder.Lost()
	for range 4000 {
		recorder.Add(score.Open)
	}
	if recorder.Lost() != lost {
		t.Errorf("%d decisions on those who got through were lost", recorder.Lost()-lost)
	}
}

func TestWhatWasDecidedIsWrittenAtTheStop(t *testing.T) {
	w := newWorld(t, func(d *flow.Deps) { d.KeepMost = 100_000 })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- w.Recorder.Run(ctx) }()
	const sent = 3000
	for range sent {
		w.assess("", berlin)
	}
	cancel()
	must(t, <-ended)
	n, token := 0, ""
	for {
		page, next, err := w.Decisions.List(t.Context(), "", 200, token)
		must(t, err)
		n += len(page)
		if token = next; token == "" {
			break
		}
	}
	if n != sent {
		t.Errorf("%d decisions were written, want %d", n, sent)
	}
}
