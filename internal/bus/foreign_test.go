package bus_test

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/bus"
)

// flood has NATS answer an application's questions into a stream that isn't the application's to write.
func flood(n *nats, as bus.Name, stream, subject string, times int) {
	n.Helper()
	conn := n.as(as).JetStream().Conn()
	for i := range times {
		must(n.T, conn.PublishRequest("$JS.API.STREAM.INFO."+stream, fmt.Sprint(subject, i), nil))
	}
	must(n.T, conn.Flush())
}

// Whoever may only read can fill a work queue with what NATS answers. It mustn't fill the dead letters too, nor the log, nor keep the genuine waiting.
func TestForeignMessagesAreNoDeadLetters(t *testing.T) {
	t.Parallel()
	const foreign = 200
	for as, read := range map[bus.Name]string{bus.SDK: bus.StreamRevocations, bus.Subscriber: bus.StreamAuthn} {
		n := withStreams(t)
		log, reg := &lines{}, prometheus.NewRegistry()
		m, err := bus.NewMetrics(reg)
		must(t, err)
		handled := make(chan bus.Event, 1)
		authn := n.as(bus.Authn)
		background(t, func(ctx context.Context) error {
			return bus.Consume(ctx, authn, bus.ConsumeConfig{
				Stream: bus.StreamCommands, Handle: record(handled), Logger: slog.New(slog.NewTextHandler(log, nil)), Metrics: m,
			})
		})
		flood(n, as, read, "doorward.command.session.contain.", foreign)
		eventually(t, "all are counted; if NATS doesn't store its answers any more, this test shows nothing", func() bool {
			return delivered(t, reg, bus.StreamCommands, "foreign") == foreign
		})
		genuine := row("evt_1", "doorward.command.session.contain", "usr_1")
		genuine.Source = "notify"
		publish(t, n.as(bus.Notify), genuine)
		if e := <-handled; e.ID != "evt_1" {
			t.Errorf("authn handled %s, which notify never sent", e.ID)
		}
		letters, err := bus.NewDead(n.as(bus.Operator)).List(deadline(t), 0, 0)
		must(t, err)
		if len(letters) > 0 {
			t.Errorf("%s makes %d dead letters", as, len(letters))
		}
		if told := strings.Count(log.String(), "somebody else than its writer"); told != 1 {
			t.Errorf("%d lines in the log, want 1:\n%s", told, log.String())
		}
	}
}

func TestAViewPassesOverForeignMessages(t *testing.T) {
	t.Parallel()
	const foreign = 50
	n := withStreams(t)
	log, reg := &lines{}, prometheus.NewRegistry()
	m, err := bus.NewMetrics(reg)
	must(t, err)
	flood(n, bus.SDK, bus.StreamRevocations, "doorward.event.authn.junk.", foreign)
	applied := make(chan string, 1)
	view, err := bus.NewView(n.as(bus.Risk), bus.FollowConfig{
		Stream: bus.StreamAuthn, Logger: slog.New(slog.NewTextHandler(log, nil)), Metrics: m,
		Load:   func(context.Context) (bus.Cursor, error) { return bus.Cursor{}, nil },
		Handle: func(_ context.Context, e bus.Event, _ bus.Cursor) error { applied <- e.ID; return nil },
	})
	must(t, err)
	background(t, view.Run)
	eventually(t, "all are counted", func() bool { return delivered(t, reg, bus.StreamAuthn, "foreign") == foreign })
	publish(t, n.as(bus.Authn), row("evt_1", signin, "usr_1"))
	if id := <-applied; id != "evt_1" {
		t.Errorf("%s was applied", id)
	}
	if told := strings.Count(log.String(), "somebody else than its writer"); told != 1 {
		t.Errorf("%d lines in the log, want 1:\n%s", told, log.String())
	}
}

// delivered is how many deliveries of a stream had an outcome.
func delivered(t *testing.T, reg *prometheus.Registry, stream, outcome string) float64 {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, family := range families {
		if family.GetName() != "doorward_bus_deliveries_total" {
			continue
		}
		for _, one := range family.GetMetric() {
			labels := map[string]string{}
			for _, label := range one.GetLabel() {
				labels[label.GetName()] = label.GetValue()
			}
			if labels["stream"] == stream && labels["outcome"] == outcome {
				return one.GetCounter().GetValue()
			}
		}
	}
	return 0
}
