package flow

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/doorward/doorward/services/notify/internal/alert"
)

// Metrics of deliveries. The label "kind" is one of alert's kinds, "state" one of its ends.
type Metrics struct {
	settled *prometheus.CounterVec
	retries *prometheus.CounterVec
	answers prometheus.Counter
}

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
	}
	var faults []error
	for _, c := range []prometheus.Collector{m.settled, m.retries, m.answers} {
		if err := reg.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("notify: register metric: %w", err))
		}
	}
	return m, errors.Join(faults...)
}

// count takes in a delivery whose change has been committed.
func (m *Metrics) count(d alert.Delivery) {
	if d.State.Settled() {
		m.settled.WithLabelValues(string(d.Kind), string(d.State)).Inc()
	}
}
