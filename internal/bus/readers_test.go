package bus_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/bus"
)

// Applications make consumers of their own, which the server keeps and works for. There is a number of them, and they don't outlive their readers for long.
func TestReadersOfAStreamAreBounded(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	js := n.as(bus.Subscriber).JetStream()
	reader := func(name string, idle time.Duration) error {
		_, err := js.CreateConsumer(deadline(t), bus.StreamRisk, jetstream.ConsumerConfig{
			Name: name, AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: idle, MemoryStorage: true,
		})
		return err
	}
	if err := reader("longlived", time.Hour); err == nil {
		t.Error("a consumer may outlive its reader by an hour")
	}
	made := 0
	for ; made < 1000; made++ {
		if reader(fmt.Sprint("reader_", made), time.Minute) != nil {
			break
		}
	}
	if made != 100 {
		t.Errorf("%d consumers were made, want 100", made)
	}
}

// A consumer that was made to write into a stream goes on when its maker has left, and another of a longer life keeps its stream from being bounded. Applying
// the streams removes both; the services' own durables stay, and whoever reads goes on reading.
func TestApplyingStreamsRemovesForeignConsumers(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	operator := n.as(bus.Operator).JetStream()
	handled := make(chan bus.Event, 1)
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))
	publish(t, n.as(bus.Authn), row("evt_1", signin, "usr_1"))
	<-handled
	_, err := n.as(bus.Subscriber).JetStream().CreatePushConsumer(deadline(t), bus.StreamAuthn, jetstream.ConsumerConfig{
		Name: "writer", Durable: "writer", DeliverSubject: "doorward.event.risk.x", AckPolicy: jetstream.AckNonePolicy, IdleHeartbeat: 100 * time.Millisecond,
	})
	must(t, err)
	old := unbounded(t, operator, bus.StreamRisk)
	_, err = n.as(bus.Subscriber).JetStream().CreateConsumer(deadline(t), bus.StreamRisk, jetstream.ConsumerConfig{
		Name: "longlived", AckPolicy: jetstream.AckNonePolicy, InactiveThreshold: 1000 * time.Hour,
	})
	must(t, err)
	must(t, bus.Apply(deadline(t), operator, 1))
	for stream, name := range map[string]string{bus.StreamAuthn: "writer", old: "longlived"} {
		if err := n.as(bus.Subscriber).JetStream().DeleteConsumer(deadline(t), stream, name); !errors.Is(err, jetstream.ErrConsumerNotFound) {
			t.Errorf("%s had its consumer %s still: %v", stream, name, err)
		}
	}
	publish(t, n.as(bus.Authn), row("evt_2", signin, "usr_1"))
	if e := <-handled; e.ID != "evt_2" {
		t.Errorf("notify handled %s", e.ID)
	}
}

// unbounded declares a stream as versions before did.
func unbounded(t *testing.T, operator jetstream.JetStream, name string) string {
	t.Helper()
	stream, err := operator.Stream(deadline(t), name)
	must(t, err)
	old := stream.CachedInfo().Config
	old.MaxConsumers, old.ConsumerLimits = -1, jetstream.StreamConsumerLimits{}
	_, err = operator.UpdateStream(deadline(t), old)
	must(t, err)
	return name
}

// A durable ends with its reader where a stream says so: notify would lose its place.
func TestDurablesOutliveTheirReaders(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	for _, g := range bus.Grants() {
		for _, stream := range g.Consumes {
			handled := make(chan bus.Event, 1)
			background(t, consume(n, g.Name, bus.ConsumeConfig{Stream: stream, Handle: record(handled)}))
			eventually(t, "the durable is there", func() bool {
				durable, err := n.as(g.Name).JetStream().Consumer(deadline(t), stream, bus.DurableOf(n.identities[g.Name]))
				if err == nil && durable.CachedInfo().Config.InactiveThreshold != 0 {
					t.Fatalf("the durable of %s on %s ends after %v", g.Name, stream, durable.CachedInfo().Config.InactiveThreshold)
				}
				return err == nil
			})
		}
	}
}

// Streams that an older version declared, with readers at work, are brought in line by applying them again.
func TestBoundsOfReadersAreAppliedToStreamsInUse(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	operator := n.as(bus.Operator).JetStream()
	for _, name := range []string{bus.StreamAuthn, bus.StreamRevocations} {
		unbounded(t, operator, name)
	}
	background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(make(chan bus.Event, 1))}))
	_, err := n.as(bus.SDK).JetStream().OrderedConsumer(deadline(t), bus.StreamRevocations, jetstream.OrderedConsumerConfig{})
	must(t, err)
	if err := bus.Check(deadline(t), n.as(bus.Authn).JetStream(), bus.Authn); err == nil {
		t.Error("Check doesn't see that there are no bounds")
	}
	must(t, bus.Apply(deadline(t), operator, 1))
	for _, name := range []bus.Name{bus.Authn, bus.SDK} {
		must(t, bus.Check(deadline(t), n.as(name).JetStream(), name))
	}
}
