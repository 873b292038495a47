package outbox_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
)

// river is one stream with JetStream's rules: it fences by the expected last sequence, removes duplicates, and can be rolled back.
// Acknowledgements wait until the test lets them go, when held.
type river struct {
	mu          sync.Mutex
	created     time.Time
	ids         []string          // ids[i] has sequence i+1
	refuse      map[string]error  // by event id
	sent        []string          // everything that was tried, in order
	gate        chan struct{}     // closed = acknowledgements flow
	unacked     map[string]string // key by event id, in flight
	overlaps    int               // two in flight for one key
	reconnected chan struct{}
}

func newRiver() *river {
	open := make(chan struct{})
	close(open)
	return &river{
		created: time.Now(), refuse: map[string]error{}, unacked: map[string]string{}, gate: open,
		reconnected: make(chan struct{}, 1),
	}
}

func (r *river) Route(subject string) (string, error) {
	if strings.HasPrefix(subject, "nowhere") {
		return "", errors.New("no stream takes this subject")
	}
	return "S", nil
}

func (r *river) Place(context.Context, string) (outbox.Place, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return outbox.Place{Stream: "S", Created: r.created, Last: uint64(len(r.ids))}, nil
}

func (r *river) Publish(row outbox.Row, at outbox.Place) (outbox.Receipt, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.sent = append(r.sent, row.ID)
	for _, key := range r.unacked {
		if key != "" && key == row.Key {
			r.overlaps++
		}
	}
	r.unacked[row.ID] = row.Key
	stored, err := r.store(row, at)
	gate := r.gate
	return func(ctx context.Context) (outbox.Stored, error) {
		defer func() {
			r.mu.Lock()
			defer r.mu.Unlock()
			delete(r.unacked, row.ID)
		}()
		select {
		case <-gate:
			return stored, err
		case <-ctx.Done():
			return outbox.Stored{}, ctx.Err()
		}
	}, nil
}

func (r *river) store(row outbox.Row, at outbox.Place) (outbox.Stored, error) {
	if err := r.refuse[row.ID]; err != nil {
		return outbox.Stored{}, err
	}
	if at.Last != uint64(len(r.ids)) {
		return outbox.Stored{}, outbox.ErrMoved
	}
	if i := slices.Index(r.ids, row.ID); i >= 0 {
		return outbox.Stored{Sequence: uint64(i + 1), Duplicate: true}, nil
	}
	r.ids = append(r.ids, row.ID)
	return outbox.Stored{Sequence: uint64(len(r.ids))}, nil
}

func (r *river) Reconnected() <-chan struct{} { return r.reconnected }

// rollBack loses everything after the first n messages, as a power cut does.
func (r *river) rollBack(n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.ids = r.ids[:n]
}

func (r *river) hold() (release func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	gate := make(chan struct{})
	r.gate = gate
	return func() { close(gate) }
}

func (r *river) events() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(r.ids), func(id string) bool { return strings.HasPrefix(id, "beat") })
}

func (r *river) beats() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, id := range r.ids {
		if strings.HasPrefix(id, "beat") {
			n++
		}
	}
	return n
}

// rig is a relay at work inside a synctest bubble.
type rig struct {
	*testing.T
	queue *outboxtest.Memory
	river *river
	relay *outbox.Relay
	stop  func()
}

func run(t *testing.T, name string, check func(*rig)) {
	t.Run(name, func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			r := &rig{T: t, queue: outboxtest.NewMemory(), river: newRiver()}
			r.start()
			defer func() { r.stop() }()
			check(r)
		})
	})
}

func (r *rig) newRelay() *outbox.Relay {
	r.Helper()
	n := 0
	relay, err := outbox.NewRelay(outbox.Config{
		Queue: r.queue, Publisher: r.river, Streams: []string{"S"}, Now: time.Now,
		Logger: slog.New(slog.NewTextHandler(io.Discard, nil)), Metrics: prometheus.NewRegistry(),
		Heartbeat: func(at time.Time) outbox.Row {
			n++
			row := outboxtest.NewRow(0, "")
			row.ID, row.Time, row.Subject = fmt.Sprintf("beat_%d_%d", at.UnixNano(), n), at, "doorward.revocation.heartbeat"
			return row
		},
	})
	if err != nil {
		r.Fatal(err)
	}
	return relay
}

func (r *rig) start() {
	r.Helper()
	relay := r.newRelay()
	ctx, cancel := context.WithCancel(r.Context())
	ended := make(chan error, 1)
	go func() { ended <- relay.Run(ctx) }()
	r.relay, r.stop = relay, func() {
		cancel()
		if err := <-ended; err != nil {
			r.Errorf("Run = %v", err)
		}
	}
}

// add appends rows with the numbers and waits until the relay has nothing more to do at once.
func (r *rig) add(key string, numbers ...int) {
	r.Helper()
	for _, n := range numbers {
		if err := r.queue.Append(r.Context(), outboxtest.NewRow(n, key)); err != nil {
			r.Fatal(err)
		}
	}
	synctest.Wait()
}

// pass lets time go by. The clock is the bubble's.
func (r *rig) pass(d time.Duration) {
	timer := time.NewTimer(d)
	<-timer.C
	synctest.Wait()
}

func (r *rig) want(ids ...string) {
	r.Helper()
	if diff := cmp.Diff(ids, r.river.events()); diff != "" {
		r.Errorf("stream (-want +got):\n%s", diff)
	}
}

func (r *rig) wantPending(want int) {
	r.Helper()
	if n, _, _ := r.queue.Depth(r.Context()); n != want {
		r.Errorf("%d rows pending, want %d", n, want)
	}
}

func TestRelay(t *testing.T) {
	run(t, "PublishesInOrder", func(r *rig) {
		r.add("usr_1", 1, 2, 3)
		r.want("evt_0001", "evt_0002", "evt_0003")
		r.wantPending(0)
	})
	run(t, "NeverHasTwoInFlightForOneKey", func(r *rig) {
		r.add("", 1) // the stream's place is certain after the first acknowledgement
		release := r.river.hold()
		r.add("usr_1", 2, 3)
		r.add("usr_2", 4)
		r.want("evt_0001", "evt_0002", "evt_0004") // 3 waits for 2; 4 doesn't wait
		release()
		synctest.Wait()
		r.want("evt_0001", "evt_0002", "evt_0004", "evt_0003")
		if r.river.overlaps > 0 {
			r.Errorf("%d times two events of one key in flight", r.river.overlaps)
		}
	})
	run(t, "PublishesAgainWhatARollBackTook", func(r *rig) {
		r.add("usr_1", 1, 2, 3)
		r.river.rollBack(1)
		r.add("usr_1", 4) // refused by the fence, so that 2 and 3 go first
		r.want("evt_0001", "evt_0002", "evt_0003", "evt_0004")
		r.wantPending(0)
	})
	run(t, "RecoversOnReconnectWithoutNewEvents", func(r *rig) {
		r.add("usr_1", 1, 2)
		r.river.rollBack(0)
		r.river.reconnected <- struct{}{}
		synctest.Wait()
		r.want("evt_0001", "evt_0002")
	})
	run(t, "PublishesAgainIntoARecreatedStream", func(r *rig) {
		r.add("usr_1", 1, 2)
		r.river.mu.Lock()
		// As many messages as before, none of them ours: only the creation time tells.
		r.river.created, r.river.ids = r.river.created.Add(time.Nanosecond), []string{"x", "y"}
		r.river.mu.Unlock()
		r.river.reconnected <- struct{}{}
		synctest.Wait()
		r.want("x", "y", "evt_0001", "evt_0002")
	})
	run(t, "ACrashBeforeStoringLeavesNoDuplicates", func(r *rig) {
		r.queue.Break(errors.New("disk full"))
		r.stop()
		r.queue.Break(nil)
		r.river.ids = []string{"evt_0001", "evt_0002"} // published; the acknowledgements were never stored
		r.start()
		r.add("usr_1", 1, 2, 3)
		r.want("evt_0001", "evt_0002", "evt_0003")
		r.wantPending(0)
	})
	run(t, "ARefusedEventHoldsBackOnlyItsKey", func(r *rig) {
		r.river.refuse["evt_0001"] = errors.New("too large")
		r.add("usr_1", 1, 2)
		r.add("usr_2", 3)
		r.pass(time.Minute)
		r.want("evt_0003")
		r.river.mu.Lock()
		delete(r.river.refuse, "evt_0001")
		r.river.mu.Unlock()
		r.pass(10 * time.Second)
		r.want("evt_0003", "evt_0001", "evt_0002")
	})
	run(t, "ALostAcknowledgementIsTriedAgain", func(r *rig) {
		r.river.hold()
		r.add("usr_1", 1)
		r.river.mu.Lock()
		open := make(chan struct{})
		close(open)
		r.river.gate = open
		r.river.mu.Unlock()
		r.pass(time.Minute)
		r.want("evt_0001")
		r.wantPending(0)
	})
	run(t, "ForgetsAfterAQuarterOfAnHour", func(r *rig) {
		r.add("usr_1", 1)
		r.pass(14 * time.Minute)
		if n, _ := r.queue.Rewind(r.Context(), "S", time.Time{}, 0); n != 1 {
			r.Error("the row was forgotten too early")
		}
		r.add("usr_1", 2)
		r.pass(17 * time.Minute)
		if n, _ := r.queue.Rewind(r.Context(), "S", time.Time{}, 0); n != 0 {
			r.Errorf("%d rows weren't forgotten", n)
		}
	})
	run(t, "ManyKeysPassThroughTheWindow", func(r *rig) {
		for n := range 2000 {
			if err := r.queue.Append(r.Context(), outboxtest.NewRow(n+1, fmt.Sprintf("usr_%d", n%300))); err != nil {
				r.Fatal(err)
			}
		}
		synctest.Wait()
		if got := len(r.river.events()); got != 2000 {
			r.Errorf("%d events in the stream, want 2000", got)
		}
		r.wantPending(0)
	})
}

func TestHeartbeat(t *testing.T) {
	run(t, "BeatsOnceASecond", func(r *rig) {
		r.pass(10*time.Second + 500*time.Millisecond)
		if n := r.river.beats(); n != 10 {
			r.Errorf("%d heartbeats in 10 s, want 10", n)
		}
	})
	run(t, "StopsWhileAnEventIsStuck", func(r *rig) {
		r.river.refuse["evt_0001"] = errors.New("refused")
		r.add("usr_1", 1)
		r.pass(30 * time.Second)
		if n := r.river.beats(); n != 0 {
			r.Errorf("%d heartbeats while the outbox is stuck: it would look fresh", n)
		}
	})
	run(t, "StopsWhileTheStoreIsBroken", func(r *rig) {
		r.pass(2500 * time.Millisecond)
		before := r.river.beats()
		r.queue.Break(errors.New("disk full"))
		r.pass(10 * time.Second)
		if n := r.river.beats(); n != before {
			r.Errorf("%d heartbeats without knowing what is pending", n-before)
		}
	})
	run(t, "SurvivesSteadyLoad", func(r *rig) {
		// An event is in flight at every moment; a heartbeat that waited for an empty queue would never come.
		for n := range 100 {
			release := r.river.hold()
			r.add(fmt.Sprintf("usr_%d", n), n+1)
			r.pass(100 * time.Millisecond)
			next := r.river.hold()
			r.add(fmt.Sprintf("usr_x%d", n), n+1001)
			release()
			synctest.Wait()
			next()
			synctest.Wait()
		}
		if n := r.river.beats(); n < 8 {
			r.Errorf("%d heartbeats in 10 s of load", n)
		}
	})
}

func TestRowsThatCantGoHideNoOthers(t *testing.T) {
	const stuck = 600 // more than are read at once
	run(t, "RefusedByTheirStream", func(r *rig) {
		for n := range stuck {
			r.river.refuse[outboxtest.NewRow(n+1, "").ID] = errors.New("refused")
		}
		numbers := make([]int, stuck)
		for i := range numbers {
			numbers[i] = i + 1
		}
		r.add("", numbers...)
		r.add("usr_1", stuck+1)
		r.pass(time.Minute)
		r.want(outboxtest.NewRow(stuck+1, "").ID)
	})
	run(t, "BehindOneOfTheirKey", func(r *rig) {
		r.river.refuse[outboxtest.NewRow(1, "").ID] = errors.New("refused")
		numbers := make([]int, stuck)
		for i := range numbers {
			numbers[i] = i + 1
		}
		r.add("usr_1", numbers...)
		r.add("usr_2", stuck+1)
		r.pass(10 * time.Second)
		r.want(outboxtest.NewRow(stuck+1, "").ID)
	})
}

func TestDrain(t *testing.T) {
	run(t, "WaitsForWhatWasCommitted", func(r *rig) {
		release := r.river.hold()
		r.add("usr_1", 1)
		drained := make(chan error, 1)
		go func() { drained <- r.relay.Drain(r.Context()) }()
		synctest.Wait()
		select {
		case err := <-drained:
			r.Fatalf("Drain = %v with an event in flight", err)
		default:
		}
		release()
		if err := <-drained; err != nil {
			r.Fatal(err)
		}
		r.wantPending(0)
	})
	run(t, "GivesUpWithItsContext", func(r *rig) {
		r.river.refuse["evt_0001"] = errors.New("refused")
		r.add("usr_1", 1)
		ctx, cancel := context.WithTimeout(r.Context(), time.Second)
		defer cancel()
		if err := r.relay.Drain(ctx); !errors.Is(err, context.DeadlineExceeded) {
			r.Errorf("Drain = %v, want the deadline", err)
		}
	})
	run(t, "SaysWhenTheRelayHasStopped", func(r *rig) {
		r.stop()
		if err := r.relay.Drain(r.Context()); !errors.Is(err, outbox.ErrStopped) {
			r.Errorf("Drain = %v, want ErrStopped", err)
		}
		r.start()
	})
}

func TestServe(t *testing.T) {
	// serve runs the rig's relay by Serve instead of Run; the function tells it to stop and returns what it answered.
	serve := func(r *rig) (stop func() <-chan error) {
		r.stop()
		relay := r.newRelay()
		ctx, cancel := context.WithCancel(r.Context())
		ended := make(chan error, 1)
		go func() { ended <- relay.Serve(ctx) }()
		synctest.Wait()
		r.stop = cancel
		return func() <-chan error { cancel(); return ended }
	}
	run(t, "PublishesWhatWasCommittedBeforeTheStop", func(r *rig) {
		stop := serve(r)
		release := r.river.hold()
		r.add("usr_1", 1, 2)
		ended := stop()
		synctest.Wait()
		release()
		if err := <-ended; err != nil {
			r.Error(err)
		}
		r.wantPending(0)
	})
	run(t, "GivesUpOnWhatCantBePublished", func(r *rig) {
		stop := serve(r)
		r.river.refuse["evt_0001"] = errors.New("refused")
		r.add("usr_1", 1)
		began := time.Now()
		if err := <-stop(); err != nil {
			r.Error(err)
		}
		if waited := time.Since(began); waited != 5*time.Second {
			r.Errorf("the stop took %v, want the 5 s of its grace", waited)
		}
		r.wantPending(1)
	})
}
