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
	busy     prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer, p *Pool, workerCount int) (*metrics, error) {
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
		busy: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "doorward_authn_password_workers_busy",
			Help: "Workers that hash at this moment.",
		}),
	}
	deadline := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_authn_password_deadline_seconds",
		Help: "D: when, after its start, a failed check answers.",
	}, func() float64 { return p.Deadline().Seconds() })
	workers := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "doorward_authn_password_workers",
		Help: "How many passwords are hashed at once, at most.",
	})
	workers.Set(float64(workerCount))
	collectors := []prometheus.Collector{m.hashes, m.refusals, m.waits, m.busy, deadline, workers}
	for _, l := range p.lanes {
		label := l.name.String()
		m.hashes.WithLabelValues(label) // shown from the start, as 0
		m.refusals.WithLabelValues(label)
		collectors = append(collectors, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "doorward_authn_password_slots_taken",
			Help:        "Callers admitted whose hash isn't done.",
			ConstLabels: prometheus.Labels{"lane": label},
		}, func() float64 { return float64(len(l.slots)) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "doorward_authn_password_slots",
			Help:        "Callers that a lane admits at once; the next are refused.",
			ConstLabels: prometheus.Labels{"lane": label},
		}, func() float64 { return float64(cap(l.slots)) }), prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name:        "doorward_authn_password_queue",
			Help:        "Hashes that wait for a worker.",
			ConstLabels: prometheus.Labels{"lane": label},
		}, func() float64 { return float64(len(l.queue)) }))
	}
	for _, c := range collectors {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) refused(l Lane) { m.refusals.WithLabelValues(l.String()).Inc() }

// began notes that a worker begins a hash, and ended that it is done.
func (m *metrics) began(l Lane, waited time.Duration) {
	m.hashes.WithLabelValues(l.String()).Inc()
	m.waits.WithLabelValues(l.String()).Observe(waited.Seconds())
	m.busy.Inc()
}

func (m *metrics) ended() { m.busy.Dec() }
