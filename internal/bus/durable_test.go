package bus_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/bus"
)

// Whoever may create a consumer can have the server deliver to the subject at which another consumer is asked for its next message: the server
// then hands a message out in the owner's place, and it is lost until its time is over. Permissions don't see this. What keeps it from happening is that
// the subject holds the consumer's name, and nobody can guess it.
func TestNobodyTakesAnothersDeliveries(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	notify := n.identities[bus.Notify]
	for name, tc := range map[string]struct {
		guess string
		taken int
	}{
		"a guessed name takes nothing":                {"notify", 0},
		"the name would, so it mustn't become public": {bus.DurableOf(notify), 1},
	} {
		n := withStreams(t)
		n.identities[bus.Notify] = notify
		n.restart(n.as(bus.Operator), func() {}) // with this notify's key
		handled := make(chan bus.Event, 1)
		stop := background(t, consume(n, bus.Notify, bus.ConsumeConfig{Stream: bus.StreamAuthn, Handle: record(handled)}))
		publish(t, n.as(bus.Authn), row("evt_1", signin, "usr_1"))
		<-handled
		stop()
		durable, err := n.as(bus.Notify).JetStream().Consumer(deadline(t), bus.StreamAuthn, bus.DurableOf(notify))
		must(t, err)
		info := func() *jetstream.ConsumerInfo {
			info, err := durable.Info(deadline(t))
			must(t, err)
			return info
		}
		// The durable is there; what its last reader had asked for is withdrawn, and what it handled is acknowledged.
		eventually(t, "nobody asks the durable", func() bool { i := info(); return i.NumWaiting == 0 && i.NumAckPending == 0 })
		publish(t, n.as(bus.Authn), row("evt_2", signin, "usr_1"), row("evt_3", "doorward.revocation.session.ses_1", "usr_1"))
		// The server may refuse to deliver there, which is as good.
		_, err = n.as(bus.SDK).JetStream().CreatePushConsumer(deadline(t), bus.StreamRevocations, jetstream.ConsumerConfig{
			Name: "thief", AckPolicy: jetstream.AckExplicitPolicy, HeadersOnly: true,
			DeliverSubject: "$JS.API.CONSUMER.MSG.NEXT." + bus.StreamAuthn + "." + tc.guess,
		})
		if err != nil && tc.taken > 0 {
			t.Errorf("%s: the attack doesn't work any more (%v); then this test shows nothing", name, err)
			continue
		}
		if tc.taken > 0 {
			eventually(t, name, func() bool { return info().NumAckPending == tc.taken })
			continue
		}
		// Whatever the thief got was on its way before this answer.
		must(t, n.as(bus.SDK).JetStream().DeleteConsumer(deadline(t), bus.StreamRevocations, "thief"))
		if got := info().NumAckPending; got != 0 {
			t.Errorf("%s: %d deliveries were taken", name, got)
		}
	}
}

func TestDurablesAreNamedByTheSeed(t *testing.T) {
	t.Parallel()
	first, err := bus.NewIdentity(bus.Notify)
	must(t, err)
	second, err := bus.NewIdentity(bus.Notify)
	must(t, err)
	name := bus.DurableOf(first)
	if name != bus.DurableOf(first) || name == bus.DurableOf(second) {
		t.Error("replicas don't share a durable, or two keys do")
	}
	if !strings.HasPrefix(name, "notify-") || len(name) != len("notify-")+32 {
		t.Errorf("the durable is %q, want the identity's name and 128 bits", name)
	}
	if strings.Contains(first.String(), name) {
		t.Error("an identity prints its durable")
	}
}

// A service with another seed comes to a work queue that its former durable holds. Nothing is handled until that is gone, and the log says so.
func TestAnotherSeedSaysWhichDurableIsInTheWay(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	mail := bus.ConsumeConfig{Stream: bus.StreamMail, Handle: record(make(chan bus.Event, 1))}
	stop := background(t, consume(n, bus.Notify, mail))
	eventually(t, "the first seed's durable", func() bool {
		_, err := n.as(bus.Notify).JetStream().Consumer(deadline(t), bus.StreamMail, bus.DurableOf(n.identities[bus.Notify]))
		return err == nil
	})
	stop()
	another, err := bus.NewIdentity(bus.Notify)
	must(t, err)
	n.identities[bus.Notify] = another
	n.restart(n.as(bus.Operator), func() {})

	lines := make(logLines, 64)
	mail.Logger, mail.Metrics = slog.New(slog.NewTextHandler(lines, nil)), metrics(t)
	c := n.as(bus.Notify)
	background(t, func(ctx context.Context) error { return bus.Consume(ctx, c, mail) })
	if line := <-lines; !strings.Contains(line, "nats consumer rm") || !strings.Contains(line, bus.StreamMail) {
		t.Errorf("%q doesn't say what to do", line)
	}
}

// logLines hands a log's lines on, and drops those that nobody reads.
type logLines chan string

func (l logLines) Write(line []byte) (int, error) {
	select {
	case l <- string(line):
	default:
	}
	return len(line), nil
}
