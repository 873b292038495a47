package flow

import (
	"errors"
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/services/notify/internal/alert"
)

// Metrics of deliveries. The label "kind" is one of alert's kinds, "state" one of its ends.
type Metrics struct {
	settled *prometheus.CounterVec
	retries *prometheus.CounterVec
	answers prometheus.Counter
	waiting *prometheus.GaugeVec
	oldest  prometheus.Gauge
}

// kinds are the values of the label.
var kinds = []alert.Kind{alert.Code, alert.NewDevice, alert.Contained, alert.Abandoned, alert.SignUpTaken, alert.Invitation}

// NewMetrics registers them.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		settled: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_notify_deliveries_settled_total", Help: "Deliveries that came to an end, by kind and end: accepted, failed, dropped.",
		}, []string{"kind", "state"}),
		retries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_notify_tries_failed_total", Help: "Tries that failed and are repeated, by kind.",
		}, []string{"kind"}),
		answers: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "doorward_notify_alerts_answered_total", Help: "Alerts that were answered with \"this wasn't me\".",
		}),
		waiting: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorward_notify_deliveries_waiting", Help: "Deliveries that the mail server hasn't accepted yet, by kind; counted up to 10000 in all.",
		}, []string{"kind"}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "doorward_notify_oldest_alert_seconds", Help: "Age of the oldest alert or confirmation that waits; 0 when none does.",
		}),
	}
	for _, kind := range kinds {
		m.retries.WithLabelValues(string(kind)) // shown from the start, as 0
		for _, state := range []alert.State{alert.Accepted, alert.Failed, alert.Dropped} {
			m.settled.WithLabelValues(string(kind), string(state))
		}
	}
	var faults []error
	for _, c := range []prometheus.Collector{m.settled, m.retries, m.answers, m.waiting, m.oldest} {
		if err := reg.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("notify: register metric: %w", err))
		}
	}
	return m, errors.Join(faults...)
}

// measure takes in what waits, oldest first.
func (m *Metrics) measure(waiting []alert.Delivery, now time.Time) {
	counts := map[alert.Kind]int{}
	oldest := now
	for _, d := range waiting {
		counts[d.Kind]++
		if !d.Kind.Sealed() && d.QueuedAt.Before(oldest) {
			oldest = d.QueuedAt
		}
	}
	for _, kind := range kinds {
		m.waiting.WithLabelValues(string(kind)).Set(float64(counts[kind]))
	}
	m.oldest.Set(now.Sub(oldest).Seconds())
}

// count takes in a delivery whose change has been committed.
func (m *Metrics) count(d alert.Delivery) {
	if d.State.Settled() {
		m.settled.WithLabelValues(string(d.Kind), string(d.State)).Inc()
	}
}
