package bus_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
)

// relay runs a real relay on a queue, as authn.
func relay(t *testing.T, c *bus.Conn, queue outbox.Queue) *outbox.Relay {
	t.Helper()
	r, err := outbox.NewRelay(outbox.Config{
		Queue: queue, Publisher: bus.NewPublisher(c), Streams: bus.StreamsWrittenBy(bus.Authn), Now: time.Now,
		Logger: quiet(), Metrics: prometheus.NewRegistry(),
	})
	must(t, err)
	background(t, r.Run)
	return r
}

// stored reads what a stream holds, with rights that no service has: straight from the files' owner.
func (n *nats) stored(stream string) []string {
	n.Helper()
	var ids []string
	seen := make(chan bus.Event, 1000)
	view, err := bus.NewView(n.as(bus.Risk), bus.FollowConfig{
		Stream: stream, Logger: quiet(), Metrics: metrics(n.T),
		Load:   func(context.Context) (bus.Cursor, error) { return bus.Cursor{}, nil },
		Handle: func(_ context.Context, e bus.Event, _ bus.Cursor) error { seen <- e; return nil },
	})
	must(n.T, err)
	stop := background(n.T, view.Run)
	await(n.T, "a reading of "+stream, view.Ready())
	stop()
	close(seen)
	for e := range seen {
		ids = append(ids, e.ID)
	}
	return ids
}

func await(t *testing.T, what string, ch <-chan struct{}) {
	t.Helper()
	select {
	case <-ch:
	case <-deadline(t).Done():
		t.Fatalf("not reached: %s", what)
	}
}

// memory is a view that remembers what it applied, once each, and its cursor.
type memory struct {
	mu      sync.Mutex
	applied []string
	cursor  bus.Cursor
}

func (m *memory) load(context.Context) (bus.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursor, nil
}

func (m *memory) handle(_ context.Context, e bus.Event, c bus.Cursor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.applied, e.ID) {
		m.applied = append(m.applied, e.ID)
	}
	m.cursor = c
	return nil
}

func (m *memory) has(ids ...string) func() bool {
	return func() bool {
		m.mu.Lock()
		defer m.mu.Unlock()
		return slices.Equal(m.applied, ids)
	}
}

func (m *memory) follow(t *testing.T, n *nats) *bus.View {
	t.Helper()
	v, err := bus.NewView(n.as(bus.Risk), bus.FollowConfig{
		Stream: bus.StreamAuthn, Subjects: []string{"doorward.event.authn.signin.>"}, Load: m.load, Handle: m.handle,
		Logger: quiet(), Metrics: metrics(t),
	})
	must(t, err)
	return v
}

func TestNothingIsLostWhenNATSIsRolledBack(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	queue := outboxtest.NewMemory()
	authn := n.as(bus.Authn)
	r := relay(t, authn, queue)
	view := &memory{}
	background(t, view.follow(t, n).Run)
	handled := make(chan bus.Event, 100)
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))

	must(t, queue.Append(t.Context(), row("evt_1", signin, "usr_1"), row("evt_2", signin, "usr_1")))
	must(t, r.Drain(deadline(t)))
	eventually(t, "the view has two events", view.has("evt_1", "evt_2"))
	var older string
	n.restart(authn, func() { older = n.copyFiles() })

	must(t, queue.Append(t.Context(), row("evt_3", signin, "usr_1"), row("evt_4", signin, "usr_2")))
	must(t, r.Drain(deadline(t)))
	eventually(t, "the view has four events", view.has("evt_1", "evt_2", "evt_3", "evt_4"))

	// The power cut: 3 and 4 were acknowledged and are gone. 5 is appended before anybody has noticed, and would take 3's place.
	n.restart(authn, func() {
		n.putBack(older)
		must(t, queue.Append(t.Context(), row("evt_5", signin, "usr_1")))
	})
	must(t, r.Drain(deadline(t)))
	if diff := cmp.Diff([]string{"evt_1", "evt_2", "evt_3", "evt_4", "evt_5"}, n.stored(bus.StreamAuthn)); diff != "" {
		t.Errorf("stream after the rollback (-want +got):\n%s", diff)
	}
	eventually(t, "the view has five events", view.has("evt_1", "evt_2", "evt_3", "evt_4", "evt_5"))
	seen := map[string]bool{}
	for !seen["evt_1"] || !seen["evt_2"] || !seen["evt_3"] || !seen["evt_4"] || !seen["evt_5"] {
		select {
		case e := <-handled:
			seen[e.ID] = true
		case <-deadline(t).Done():
			t.Fatalf("the consumer saw only %v", seen)
		}
	}
}

func TestNothingIsLostWhenTheStreamIsCreatedAnew(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	queue := outboxtest.NewMemory()
	authn := n.as(bus.Authn)
	r := relay(t, authn, queue)
	view := &memory{}
	background(t, view.follow(t, n).Run)
	must(t, queue.Append(t.Context(), row("evt_1", signin, "usr_1"), row("evt_2", signin, "usr_1")))
	must(t, r.Drain(deadline(t)))
	eventually(t, "the view has two events", view.has("evt_1", "evt_2"))

	n.restart(authn, func() { must(t, os.RemoveAll(filepath.Join(n.dir, "jetstream"))) })
	must(t, bus.Apply(deadline(t), n.as(bus.Operator).JetStream(), 1))
	must(t, queue.Append(t.Context(), row("evt_3", signin, "usr_1")))
	must(t, r.Drain(deadline(t)))
	if diff := cmp.Diff([]string{"evt_1", "evt_2", "evt_3"}, n.stored(bus.StreamAuthn)); diff != "" {
		t.Errorf("stream made anew (-want +got):\n%s", diff)
	}
	eventually(t, "the view has three events", view.has("evt_1", "evt_2", "evt_3"))
}

// A consumer's state and its stream's messages are separate files, synced at separate times. A consumer that is ahead of its stream
// must not pass over what takes the lost sequences.
func TestAConsumerAheadOfItsStreamLosesNothing(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	queue := outboxtest.NewMemory()
	authn := n.as(bus.Authn)
	r := relay(t, authn, queue)
	handled := make(chan bus.Event, 100)
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))
	must(t, queue.Append(t.Context(), row("evt_1", signin, "usr_1")))
	must(t, r.Drain(deadline(t)))
	<-handled
	var older string
	n.restart(authn, func() { older = n.copyFiles() })
	for i := 2; i <= 4; i++ {
		must(t, queue.Append(t.Context(), row(fmt.Sprintf("evt_%d", i), signin, "usr_1")))
	}
	must(t, r.Drain(deadline(t)))
	for range 3 {
		<-handled
	}
	_, err := queue.Forget(t.Context(), time.Now().Add(time.Hour)) // so that the next event takes a lost sequence
	must(t, err)
	n.restart(authn, func() {
		consumers := filepath.Join("jetstream", "$G", "streams", bus.StreamAuthn, "obs")
		ahead := n.TempDir()
		must(t, os.CopyFS(ahead, os.DirFS(filepath.Join(n.dir, consumers))))
		n.putBack(older)
		must(t, os.RemoveAll(filepath.Join(n.dir, consumers)))
		must(t, os.CopyFS(filepath.Join(n.dir, consumers), os.DirFS(ahead)))
	})
	must(t, queue.Append(t.Context(), row("evt_5", signin, "usr_1")))
	must(t, r.Drain(deadline(t)))
	seen := map[string]bool{}
	for !seen["evt_5"] {
		select {
		case e := <-handled:
			seen[e.ID] = true
		case <-deadline(t).Done():
			t.Fatalf("the consumer saw only %v", seen)
		}
	}
}

func TestAServiceStartsWithoutTheBus(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	n.server.Stop()
	address := bus.Config{URL: n.server.URL(), Identity: n.identities[bus.Authn], Logger: quiet()}
	if _, err := bus.Connect(deadline(t), address); err == nil {
		t.Error("connected to nothing")
	}
	address.Patient = true
	authn, err := bus.Connect(deadline(t), address)
	must(t, err)
	t.Cleanup(authn.Close)
	queue := outboxtest.NewMemory()
	must(t, queue.Append(t.Context(), row("evt_1", signin, "usr_1")))
	r := relay(t, authn, queue)
	n.start()
	must(t, r.Drain(deadline(t)))
	if diff := cmp.Diff([]string{"evt_1"}, n.stored(bus.StreamAuthn)); diff != "" {
		t.Errorf("stream (-want +got):\n%s", diff)
	}
	stranger, err := bus.NewIdentity(bus.Authn)
	must(t, err)
	address.Identity = stranger
	if _, err := bus.Connect(deadline(t), address); err == nil {
		t.Error("patience let an unknown key in")
	}
}

func TestTwoRelaysCannotInterleave(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	p := bus.NewPublisher(n.as(bus.Authn))
	place, err := p.Place(deadline(t), bus.StreamAuthn)
	must(t, err)
	publish(t, n.as(bus.Authn), row("evt_1", signin, "usr_1")) // the other one was first
	receipt, err := p.Publish(row("evt_2", signin, "usr_1"), place)
	must(t, err)
	if _, err := receipt(deadline(t)); !errors.Is(err, outbox.ErrMoved) {
		t.Errorf("the second relay's event: %v, want ErrMoved", err)
	}
}

func TestEventsThatReadersWouldRefuseAreNotPublished(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	bad := row("evt_1", signin, "usr_1")
	bad.Type = "authn.signin.new_device.v1"
	if _, err := bus.NewPublisher(n.as(bus.Authn)).Publish(bad, outbox.Place{Stream: bus.StreamAuthn}); !errors.Is(err, bus.ErrInvalidEvent) {
		t.Errorf("Publish = %v, want ErrInvalidEvent", err)
	}
}

func TestView(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	for i := range 10 {
		publish(t, authn, row(fmt.Sprintf("evt_%d", i), signin, "usr_1"))
	}
	view := &memory{}
	follow := func(t *testing.T) (stop func()) {
		v := view.follow(t, n)
		stop = background(t, v.Run)
		await(t, "the view has caught up", v.Ready())
		return stop
	}
	stop := follow(t)
	if got := len(view.applied); got != 10 {
		t.Errorf("ready with %d of 10 events", got)
	}
	stop()

	t.Run("GoesOnAtItsCursor", func(t *testing.T) {
		before := len(view.applied)
		publish(t, authn, row("evt_more", signin, "usr_1"))
		follow(t)()
		if len(view.applied) != before+1 {
			t.Errorf("%d events after one more, had %d", len(view.applied), before)
		}
	})
	t.Run("SeesAnotherEventAtItsCursor", func(t *testing.T) {
		view.applied = nil
		view.cursor.EventID = "evt_lost" // the stream holds another at that sequence: it lost its tail and grew again
		follow(t)()
		if len(view.applied) != 11 {
			t.Errorf("%d events were read again, want all 11: they are younger than the overlap", len(view.applied))
		}
	})
	t.Run("RepeatsWhatFailsAndPassesOverWhatNeverWill", func(t *testing.T) {
		fails := 0
		var applied []string
		v, err := bus.NewView(n.as(bus.Risk), bus.FollowConfig{
			Stream: bus.StreamAuthn, Logger: quiet(), Metrics: metrics(t),
			Load: func(context.Context) (bus.Cursor, error) { return bus.Cursor{}, nil },
			Handle: func(_ context.Context, e bus.Event, _ bus.Cursor) error {
				switch {
				case e.ID == "evt_0" && fails < 2:
					fails++
					return errors.New("disk full")
				case e.ID == "evt_1":
					return bus.Permanent(errors.New("not understood"))
				}
				applied = append(applied, e.ID)
				return nil
			},
		})
		must(t, err)
		stop := background(t, v.Run)
		await(t, "the view has caught up", v.Ready())
		stop()
		if len(applied) != 10 || applied[0] != "evt_0" || applied[1] != "evt_2" {
			t.Errorf("applied %v", applied)
		}
	})
	t.Run("SaysWhenTheStreamHasMovedOn", func(t *testing.T) {
		view.cursor = bus.Cursor{StreamCreated: view.cursor.StreamCreated, Sequence: 2, EventID: "evt_1", Stored: view.cursor.Stored}
		operator := n.as(bus.Operator).JetStream()
		stream, err := operator.Stream(deadline(t), bus.StreamAuthn)
		must(t, err)
		cfg := stream.CachedInfo().Config
		cfg.MaxMsgs = 3 // as age does in time
		_, err = operator.UpdateStream(deadline(t), cfg)
		must(t, err)
		if err := view.follow(t, n).Run(deadline(t)); !errors.Is(err, bus.ErrGap) {
			t.Errorf("Run = %v, want ErrGap", err)
		}
	})
}
