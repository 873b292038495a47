package bus_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
)

// value is a metric's, as it would be scraped; -1 when it isn't there. Of several with the name it takes the one of the stream.
func value(t *testing.T, reg *prometheus.Registry, name, stream string) float64 {
	t.Helper()
	families, err := reg.Gather()
	must(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetName() == "stream" && l.GetValue() != stream {
					m = nil
					break
				}
			}
			if m != nil {
				return m.GetGauge().GetValue() + m.GetCounter().GetValue()
			}
		}
	}
	return -1
}

func TestConsumerSaysHowFarBehindItIs(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn, notify := n.as(bus.Authn), n.as(bus.Notify)
	publish(t, authn, row("evt_1", "doorward.mail.code", "usr_1"), row("evt_2", "doorward.mail.code", "usr_1"), row("evt_3", "doorward.mail.code", "usr_1"))
	reg := prometheus.NewRegistry()
	m, err := bus.NewMetrics(reg)
	must(t, err)
	release := make(chan struct{})
	background(t, func(ctx context.Context) error {
		return bus.Consume(ctx, notify, bus.ConsumeConfig{
			Stream: bus.StreamMail, MaxInFlight: 1, Logger: quiet(), Metrics: m,
			Handle: func(context.Context, bus.Event) error { <-release; return nil },
		})
	})
	// Of three one is being handled, and two wait.
	eventually(t, "two events wait", func() bool { return value(t, reg, "doorward_bus_pending", bus.StreamMail) >= 2 })
	if got := value(t, reg, "doorward_bus_behind", bus.StreamMail); got != -1 {
		t.Errorf("a consumer is measured as a view: %v", got)
	}
	close(release)
}

func TestDeadLettersAreCountedUntilTheyAreSettled(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	publish(t, n.as(bus.Authn), row("evt_1", "doorward.mail.code", "usr_1"), row("evt_2", "doorward.mail.code", "usr_1"))
	notify := n.as(bus.Notify)
	// count starts a consumer anew, which counts at its start.
	count := func() float64 {
		reg := prometheus.NewRegistry()
		m, err := bus.NewMetrics(reg)
		must(t, err)
		stop := background(t, func(ctx context.Context) error {
			return bus.Consume(ctx, notify, bus.ConsumeConfig{
				Stream: bus.StreamMail, Logger: quiet(), Metrics: m,
				Handle: func(context.Context, bus.Event) error { return bus.Permanent(errors.New("never")) },
			})
		})
		defer stop()
		eventually(t, "the letters are counted", func() bool { return value(t, reg, "doorward_bus_dead_letters", bus.StreamMail) >= 0 })
		return value(t, reg, "doorward_bus_dead_letters", bus.StreamMail)
	}
	dead := bus.NewDead(notify)
	stop := background(t, consume(n, bus.Notify, bus.ConsumeConfig{
		Stream: bus.StreamMail, Handle: func(context.Context, bus.Event) error { return bus.Permanent(errors.New("never")) },
	}))
	eventually(t, "both are buried", func() bool { all, err := dead.List(deadline(t), 0, 10); return err == nil && len(all) == 2 })
	stop()
	if got := count(); got != 2 {
		t.Errorf("%v dead letters are counted, want 2", got)
	}
	must(t, dead.Drop(deadline(t), "notify.DOORWARD_MAIL.evt_1"))
	if got := count(); got != 1 {
		t.Errorf("%v dead letters are counted after one was dropped, want 1", got)
	}
}

// TestOutboxSaysHowItIsWhileNATSIsAway: what waits is counted, its age and the feed's grow, and all of it is well again afterwards.
func TestOutboxSaysHowItIsWhileNATSIsAway(t *testing.T) {
	t.Parallel()
	n := withStreams(t)
	authn := n.as(bus.Authn)
	reg := prometheus.NewRegistry()
	m, err := bus.NewMetrics(reg)
	must(t, err)
	must(t, m.Watch(authn))
	queue := outboxtest.NewMemory()
	r, err := outbox.NewRelay(outbox.Config{
		Queue: queue, Publisher: bus.NewPublisher(authn), Streams: bus.StreamsWrittenBy(bus.Authn), Now: time.Now, Logger: quiet(), Metrics: reg,
		Heartbeat: func(at time.Time) outbox.Row {
			beat := row("evt_beat_"+at.Format(time.RFC3339Nano), bus.SubjectHeartbeat, "")
			beat.UserVersion, beat.Time = 0, at
			return beat
		},
	})
	must(t, err)
	background(t, r.Run)
	age := func() float64 { return value(t, reg, "doorward_feed_age_seconds", "") }
	const published = "doorward_outbox_published_total"
	eventually(t, "the feed beats", func() bool { return value(t, reg, published, bus.StreamRevocations) >= 1 && age() < 2 })
	if got := value(t, reg, "doorward_bus_connected", ""); got != 1 {
		t.Errorf("connected is %v, want 1", got)
	}

	n.restart(authn, func() {
		late := row("evt_1", signin, "usr_1")
		late.Time = time.Now()
		must(t, queue.Append(t.Context(), late, row("evt_2", signin, "usr_2")))
		eventually(t, "what waits is counted, and grows old, and so does the feed", func() bool {
			return value(t, reg, "doorward_outbox_pending", "") == 2 && value(t, reg, "doorward_outbox_oldest_seconds", "") > 1 && age() > 2
		})
		if got := value(t, reg, "doorward_bus_connected", ""); got != 0 {
			t.Errorf("connected is %v while NATS is away, want 0", got)
		}
	})
	eventually(t, "all is well again", func() bool {
		return value(t, reg, "doorward_outbox_pending", "") == 0 && value(t, reg, "doorward_outbox_oldest_seconds", "") == 0 && age() < 2 &&
			value(t, reg, "doorward_bus_connected", "") == 1
	})
}
