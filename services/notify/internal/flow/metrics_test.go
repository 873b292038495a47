package flow_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/doorward/doorward/services/notify/internal/flow"
	"github.com/doorward/doorward/services/notify/internal/mail"
)

// waiting is what the metrics say of the queue: alerts of new devices, and the age of the oldest alert.
func (w *world) waiting() (alerts, oldest float64) {
	w.Helper()
	families, err := w.metrics.Gather()
	w.must(err)
	alerts, oldest = -1, -1
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch {
			case f.GetName() == "doorward_notify_oldest_alert_seconds":
				oldest = m.GetGauge().GetValue()
			case f.GetName() == "doorward_notify_deliveries_waiting" && m.GetLabel()[0].GetValue() == "new_device":
				alerts = m.GetGauge().GetValue()
			}
		}
	}
	return alerts, oldest
}

func TestMetricsShowWhatWaitsAndHowLong(t *testing.T) {
	w := newWorld(t)
	w.authn.answers(nil, recipient("ann@example.com"))
	w.smtp.answers(func(context.Context, mail.Message) error { return errors.New("421 busy") })
	out := flow.NewOutgoing(w.Deps)
	w.must(flow.NewAlerts(w.Deps, out.Wake).NewDevice(t.Context(), "evt_1", signIn()))
	w.sending(out)
	w.eventually("the alert is counted", func() bool { alerts, _ := w.waiting(); return alerts == 1 })
	w.clock.advance(time.Hour)
	out.Wake()
	w.eventually("it grows old", func() bool { _, oldest := w.waiting(); return oldest >= 3600 })
	w.smtp.answers(nil)
	w.eventually("nothing waits any more", func() bool {
		w.clock.advance(time.Hour)
		out.Wake()
		alerts, oldest := w.waiting()
		return alerts == 0 && oldest == 0
	})
}
