package bus_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"github.com/doorward/doorward/internal/bus"
)

func TestCheckSaysWhatToDo(t *testing.T) {
	t.Parallel()
	n := newNATS(t)
	operator := n.as(bus.Operator)
	authn := n.as(bus.Authn)
	err := bus.Check(deadline(t), authn.JetStream(), bus.Authn)
	if !errors.Is(err, bus.ErrStreams) || !strings.Contains(err.Error(), "DOORWARD_MAIL doesn't exist") || !strings.Contains(err.Error(), "run doorward streams apply") {
		t.Errorf("Check without streams = %v", err)
	}
	must(t, bus.Apply(deadline(t), operator.JetStream(), 1))
	for _, name := range bus.Names() {
		if err := bus.Check(deadline(t), n.as(name).JetStream(), name); err != nil {
			t.Errorf("Check as %s = %v", name, err)
		}
	}
	must(t, bus.Apply(deadline(t), operator.JetStream(), 1)) // again changes nothing

	stream, err := operator.JetStream().Stream(deadline(t), bus.StreamAttempts)
	must(t, err)
	cfg := stream.CachedInfo().Config
	cfg.MaxAge = time.Hour
	_, err = operator.JetStream().UpdateStream(deadline(t), cfg)
	must(t, err)
	err = bus.Check(deadline(t), authn.JetStream(), bus.Authn)
	if !errors.Is(err, bus.ErrStreams) || !strings.Contains(err.Error(), "DOORWARD_ATTEMPTS has another maximal age") {
		t.Errorf("Check with a changed stream = %v", err)
	}
	must(t, bus.Apply(deadline(t), operator.JetStream(), 1))
	must(t, bus.Check(deadline(t), authn.JetStream(), bus.Authn))
}

func TestStreamsAreAwaitedUntilTheServerCanBeAsked(t *testing.T) {
	t.Parallel()
	n := newNATS(t)
	authn := n.as(bus.Authn)
	if err := bus.AwaitStreams(deadline(t), authn); !errors.Is(err, bus.ErrStreams) {
		t.Errorf("AwaitStreams without streams = %v", err)
	}
	must(t, bus.Apply(deadline(t), n.as(bus.Operator).JetStream(), 1))
	n.restart(authn, func() {
		awaited := make(chan error, 1)
		ctx, cancel := context.WithCancel(t.Context())
		go func() { awaited <- bus.AwaitStreams(ctx, authn) }()
		cancel()
		if err := <-awaited; err != nil {
			t.Errorf("AwaitStreams that was told to stop = %v", err)
		}
	})
	must(t, bus.AwaitStreams(deadline(t), authn))
}

func TestATakenPortIsNamed(t *testing.T) {
	t.Parallel()
	n := newNATS(t)
	id := n.identities[bus.Authn]
	_, err := bus.StartServer(bus.ServerConfig{Dir: t.TempDir(), Port: n.port, Identities: []bus.Identity{id}, Logger: quiet()})
	if err == nil || !strings.Contains(err.Error(), fmt.Sprintf("port %d in use", n.port)) {
		t.Errorf("StartServer on a taken port = %v", err)
	}
}

// An SDK reads the revocations with the library's own ordered consumer: its grants must suffice for that.
func TestSDKFollowsRevocations(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.revocation.session.ses_1", "usr_1"), row("evt_2", bus.SubjectHeartbeat, ""))
	feed, err := n.as(bus.SDK).JetStream().OrderedConsumer(deadline(t), bus.StreamRevocations, jetstream.OrderedConsumerConfig{
		FilterSubjects: []string{"doorward.revocation.>"},
	})
	must(t, err)
	messages, err := feed.Messages()
	must(t, err)
	defer messages.Stop()
	for _, want := range []string{"doorward.revocation.session.ses_1", bus.SubjectHeartbeat} {
		msg, err := messages.Next(jetstream.NextContext(deadline(t)))
		must(t, err)
		if msg.Subject() != want {
			t.Errorf("got %s, want %s", msg.Subject(), want)
		}
	}
}

// A push consumer has the server publish for its creator, on a subject that no permission sees. What gets into another stream that
// way must not be taken for one of its events: the relay's events name their stream, and readers compare type and source with the
// subject.
func TestPushConsumersDontSmuggleEvents(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.revocation.session.ses_1", "usr_1"))
	_, err := n.as(bus.SDK).JetStream().CreatePushConsumer(deadline(t), bus.StreamRevocations, jetstream.ConsumerConfig{
		Name: "smuggler", DeliverSubject: "doorward.command.session.contain", AckPolicy: jetstream.AckNonePolicy,
	})
	must(t, err) // the server allows it; that is why this test is here
	handled := make(chan bus.Event, 1)
	background(t, consume(n, bus.Authn, bus.ConsumeConfig{Stream: bus.StreamCommands, Handle: record(handled)}))
	genuine := row("evt_2", "doorward.command.session.contain", "usr_1")
	genuine.Source = "notify"
	publish(t, n.as(bus.Notify), genuine)
	if e := <-handled; e.ID != "evt_2" {
		t.Errorf("authn handled %s, which notify never sent", e.ID)
	}
}

// With notify away strangers can fill the stream of mails. Authn's relay stops at what a stream refuses: alerts and revocations would wait.
func TestAFullStreamOfMailsRefusesNothing(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	operator, authn := n.as(bus.Operator).JetStream(), n.as(bus.Authn)
	mails, err := operator.Stream(deadline(t), bus.StreamMail)
	must(t, err)
	small := mails.CachedInfo().Config
	small.MaxBytes = 4 << 10
	_, err = operator.UpdateStream(deadline(t), small)
	must(t, err)
	for i := range 20 {
		publish(t, authn, row(fmt.Sprintf("evt_%d", i), "doorward.mail.send", ""))
	}
	publish(t, authn, row("evt_r", "doorward.revocation.session.ses_1", "usr_1"))
	mails, err = operator.Stream(deadline(t), bus.StreamMail)
	must(t, err)
	if state := mails.CachedInfo().State; state.LastSeq != 20 || state.Msgs >= 20 {
		t.Errorf("the stream took %d mails and holds %d", state.LastSeq, state.Msgs)
	}
}
