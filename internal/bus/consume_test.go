package bus_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	natsgo "github.com/nats-io/nats.go"

	"github.com/doorward/doorward/internal/bus"
)

const signin = "doorward.event.authn.signin.succeeded"

// consume completes a configuration and returns what background runs. The connection lives as long as the test.
func consume(n *nats, name bus.Name, cfg bus.ConsumeConfig) func(context.Context) error {
	n.Helper()
	cfg.Logger, cfg.Metrics = quiet(), metrics(n.T)
	c := n.as(name)
	return func(ctx context.Context) error { return bus.Consume(ctx, c, cfg) }
}

// record hands every event on.
func record(to chan<- bus.Event) bus.Handler {
	return func(ctx context.Context, e bus.Event) error {
		select {
		case to <- e:
			return nil
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func TestConsumerHandlesEveryEventOnce(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	for i := range 50 {
		publish(t, authn, row(fmt.Sprintf("evt_%d", i), signin, "usr_1"))
	}
	handled := make(chan bus.Event)
	stop := background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))
	seen := map[string]bool{}
	for range 50 {
		e := <-handled
		if seen[e.ID] {
			t.Errorf("%s came twice", e.ID)
		}
		seen[e.ID] = true
	}
	stop()

	// The durable remembers: another run gets only what is new.
	publish(t, authn, row("evt_new", signin, "usr_1"))
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))
	if e := <-handled; e.ID != "evt_new" || e.User != "usr_1" || e.UserVersion != 3 || string(e.Data) != "body of evt_new" {
		t.Errorf("the next run began with %+v", e)
	}
}

func TestACrashBetweenHandlingAndAckingDeliversAgain(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.mail.code", "usr_1"))
	handled := make(chan bus.Event, 8)
	dying := n.as(bus.Notify)
	stop := background(t, func(ctx context.Context) error {
		return bus.Consume(ctx, dying, bus.ConsumeConfig{
			Stream: bus.StreamMail, AckWait: 500 * time.Millisecond, Logger: quiet(), Metrics: metrics(t),
			Handle: func(_ context.Context, e bus.Event) error {
				handled <- e
				dying.Close() // nothing leaves this process any more, the acknowledgement neither
				return nil
			},
		})
	})
	<-handled
	stop()
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamMail, AckWait: 500 * time.Millisecond, Handle: record(handled)}))
	if e := <-handled; e.ID != "evt_1" || e.Delivery < 2 {
		t.Errorf("delivered again: %s, delivery %d", e.ID, e.Delivery)
	}
}

func TestAnEventThatKillsItsHandlersBecomesADeadLetter(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.mail.code", "usr_1"))
	dying := n.as(bus.Notify)
	taken := make(chan struct{})
	stop := background(t, func(ctx context.Context) error {
		return bus.Consume(ctx, dying, bus.ConsumeConfig{
			Stream: bus.StreamMail, AckWait: 200 * time.Millisecond, Logger: quiet(), Metrics: metrics(t),
			Handle: func(context.Context, bus.Event) error { dying.Close(); close(taken); return nil },
		})
	})
	<-taken
	stop()
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{
		Stream: bus.StreamMail, AckWait: 200 * time.Millisecond, MaxDeliver: 1,
		Handle: func(context.Context, bus.Event) error { t.Error("handled once more"); return nil },
	}))
	dead := bus.NewDead(n.as(bus.Notify))
	eventually(t, "a dead letter", func() bool {
		l, err := dead.Get(deadline(t), "notify.DOORWARD_MAIL.evt_1")
		return err == nil && l.Deliveries == 2
	})
}

func TestOrderedConsumerWaitsForAFailedEvent(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", signin, "usr_1"), row("evt_2", signin, "usr_1"), row("evt_3", signin, "usr_1"))
	var mu sync.Mutex
	var order []string
	done := make(chan struct{})
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{
		Stream: bus.StreamAuthn, MaxInFlight: 1, Backoff: []time.Duration{10 * time.Millisecond},
		Handle: func(_ context.Context, e bus.Event) error {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, e.ID)
			if e.ID == "evt_1" && e.Delivery < 3 {
				return errors.New("not yet")
			}
			if e.ID == "evt_3" {
				close(done)
			}
			return nil
		},
	}))
	<-done
	if want := []string{"evt_1", "evt_1", "evt_1", "evt_2", "evt_3"}; !slices.Equal(order, want) {
		t.Errorf("handled in the order %v, want %v", order, want)
	}
}

func TestHandlersHaveADeadlineAndMayPanic(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", signin, "usr_1"))
	outcomes := make(chan error, 4)
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{
		Stream: bus.StreamAuthn, AckWait: 200 * time.Millisecond, Backoff: []time.Duration{time.Millisecond},
		Handle: func(ctx context.Context, e bus.Event) error {
			switch e.Delivery {
			case 1:
				<-ctx.Done()
				outcomes <- ctx.Err()
				return ctx.Err()
			case 2:
				outcomes <- errors.New("panics")
				panic("hunter2")
			}
			outcomes <- nil
			return nil
		},
	}))
	if err := <-outcomes; !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the first handler ended by %v", err)
	}
	if err := <-outcomes; err == nil {
		t.Error("the second handler didn't panic")
	}
	if err := <-outcomes; err != nil {
		t.Errorf("after a panic: %v", err)
	}
}

func TestDeadLetters(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	publish(t, authn, row("evt_1", "doorward.mail.code", "usr_1"), row("evt_2", "doorward.mail.code", "usr_2"), row("evt_3", "doorward.mail.code", "usr_3"))
	// Something that claims to be authn's and never was an event: most of its headers are missing.
	_, err := authn.JetStream().PublishMsg(deadline(t), &natsgo.Msg{
		Subject: "doorward.mail.nonsense", Header: natsgo.Header{"ce-source": {"authn"}}, Data: []byte("?"),
	})
	must(t, err)

	fine := make(chan bus.Event, 8)
	stop := background(t, consume(n, bus.Notify, bus.ConsumeConfig{
		Stream: bus.StreamMail, MaxDeliver: 3, Backoff: []time.Duration{time.Millisecond},
		Handle: func(ctx context.Context, e bus.Event) error {
			switch e.ID {
			case "evt_1":
				return bus.Permanent(errors.New("no such template\r\nInjected: yes"))
			case "evt_2":
				return errors.New("mail server away")
			}
			return record(fine)(ctx, e)
		},
	}))
	dead := bus.NewDead(n.as(bus.Notify))
	var letters []bus.Letter
	eventually(t, "three dead letters", func() bool {
		letters, err = dead.List(deadline(t), 0, 0)
		must(t, err)
		return len(letters) == 3
	})
	stop()
	byID := map[string]bus.Letter{}
	for _, l := range letters {
		byID[l.ID] = l
		if l.Owner != bus.Notify || l.Stream != bus.StreamMail || l.At.IsZero() || strings.ContainsAny(l.Reason, "\r\n") {
			t.Errorf("letter %+v", l)
		}
	}
	if l := byID["notify.DOORWARD_MAIL.evt_1"]; l.Deliveries != 1 || !strings.Contains(l.Reason, "no such template") {
		t.Errorf("a permanent failure: %+v", l)
	}
	if l := byID["notify.DOORWARD_MAIL.evt_2"]; l.Deliveries != 3 || l.Reason != "mail server away" {
		t.Errorf("an exhausted event: %+v", l)
	}
	if e := <-fine; e.ID != "evt_3" {
		t.Errorf("%s was handled, want evt_3", e.ID)
	}
	info, err := n.as(bus.Operator).JetStream().Stream(deadline(t), bus.StreamMail)
	must(t, err)
	if left := info.CachedInfo().State.Msgs; left != 0 {
		t.Errorf("%d messages left in the work queue", left)
	}

	t.Run("ArePaged", func(t *testing.T) {
		var paged []string
		for after := uint64(0); ; {
			page, err := dead.List(deadline(t), after, 2)
			must(t, err)
			if len(page) == 0 {
				break
			}
			for _, l := range page {
				paged, after = append(paged, l.ID), l.Cursor()
			}
		}
		if len(paged) != 3 {
			t.Errorf("pages hold %v", paged)
		}
	})
	t.Run("StayWhenTheReplayFails", func(t *testing.T) {
		failure := errors.New("still away")
		err := dead.Replay(deadline(t), "notify.DOORWARD_MAIL.evt_2", func(context.Context, bus.Event) error { return failure })
		if !errors.Is(err, failure) {
			t.Errorf("Replay = %v", err)
		}
		_, err = dead.Get(deadline(t), "notify.DOORWARD_MAIL.evt_2")
		must(t, err)
	})
	t.Run("AreReplayedAsTheyWere", func(t *testing.T) {
		var got bus.Event
		must(t, dead.Replay(deadline(t), "notify.DOORWARD_MAIL.evt_2", func(_ context.Context, e bus.Event) error { got = e; return nil }))
		if got.ID != "evt_2" || got.User != "usr_2" || got.Type != "mail.code.v1" || string(got.Data) != "body of evt_2" {
			t.Errorf("replayed %+v", got)
		}
		if _, err := dead.Get(deadline(t), "notify.DOORWARD_MAIL.evt_2"); !errors.Is(err, bus.ErrNoLetter) {
			t.Errorf("a replayed letter is still there: %v", err)
		}
	})
	t.Run("ThatNeverWereEventsCanOnlyBeDropped", func(t *testing.T) {
		for id := range byID {
			if strings.Contains(id, ".evt_") {
				continue
			}
			if err := dead.Replay(deadline(t), id, record(fine)); !errors.Is(err, bus.ErrInvalidEvent) {
				t.Errorf("Replay(%s) = %v, want ErrInvalidEvent", id, err)
			}
			must(t, dead.Drop(deadline(t), id))
		}
	})
	t.Run("AreTheOwnersAndTheOperators", func(t *testing.T) {
		if _, err := bus.NewDead(authn).Get(deadline(t), "notify.DOORWARD_MAIL.evt_1"); !errors.Is(err, bus.ErrNoLetter) {
			t.Errorf("authn reads notify's letter: %v", err)
		}
		operator := bus.NewDead(n.as(bus.Operator))
		left, err := operator.List(deadline(t), 0, 10)
		must(t, err)
		if len(left) != 1 || left[0].ID != "notify.DOORWARD_MAIL.evt_1" {
			t.Errorf("the operator sees %+v", left)
		}
		must(t, operator.Drop(deadline(t), left[0].ID))
		if err := operator.Drop(deadline(t), left[0].ID); !errors.Is(err, bus.ErrNoLetter) {
			t.Errorf("dropped twice: %v", err)
		}
	})
}

func TestConsumerSurvivesTheServer(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	handled := make(chan bus.Event, 8)
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))
	publish(t, authn, row("evt_1", signin, "usr_1"))
	<-handled
	n.restart(authn, func() {})
	publish(t, authn, row("evt_2", signin, "usr_1"))
	if e := <-handled; e.ID != "evt_2" {
		t.Errorf("after a restart came %s", e.ID)
	}
}
