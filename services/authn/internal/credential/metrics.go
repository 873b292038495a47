package credential

import (
	"errors"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the pool's. Their one label is the lane, "known" or "stranger"; whether a hash was a dummy isn't told.
type metrics struct {
	hashes   *prometheus.CounterVec
	refusals *prometheus.CounterVec
	waits    *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer, p *Pool) (*metrics, error) {
	if reg == nil {
		return nil, errors.New("a Registerer is required")
	}
	m := &metrics{
		hashes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_authn_password_hashes_total",
			Help: "Password hashes computed, dummies included.",
		}, []string{"lane"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_authn_password_refusals_total",
			Help: "Callers refused because their hash wouldn't have finished by the deadline.",
		}, []string{"lane"}),
		waits: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "doorward_authn_password_wait_seconds",
			Help:    "Time between asking for a hash and a worker beginning it.",
			Buckets: prometheus.ExponentialBuckets(0.001, 2, 10),
		}, []string{"lane"}),
	}
	deadline := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_authn_password_deadline_seconds",
		Help: "D: when, after its start, a failed check answers.",
	}, func() float64 { return p.deadline.Seconds() })
	collectors := []prometheus.Collector{m.hashes, m.refusals, m.waits, deadline}
	for _, l := range p.lanes {
		label := l.name.String()
		m.hashes.WithLabelValues(label) // shown from the start, as 0
		m.refusals.WithLabelValues(label)
		collectors = append(collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "doorward_authn_password_slots_taken",
			Help:        "Callers admitted whose hash isn't done.",
			ConstLabels: prometheus.Labels{"lane": label},
		}, func() float64 { return float64(len(l.slots)) }))
	}
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) refused(l Lane) { m.refusals.WithLabelValues(l.String()).Inc() }

func (m *metrics) began(l Lane, waited time.Duration) {
	m.hashes.WithLabelValues(l.String()).Inc()
	m.waits.WithLabelValues(l.String()).Observe(waited.Seconds())
}
