package breach

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the checker's. Their labels are the names of sources and verdicts.
type metrics struct {
	checks   *prometheus.CounterVec
	failures *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_breach_checks_total",
			Help: "Passwords looked up among breached ones, by the source that the answer rests on and what it was.",
		}, []string{"source", "result"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_breach_source_failures_total",
			Help: "Times that a source of breached passwords gave no answer.",
		}, []string{"source"}),
	}
	for _, s := range []Source{FromCorpus, FromRange} {
		m.failures.WithLabelValues(s.String()) // shown from the start, as 0
	}
	for _, collector := range []prometheus.Collector{m.checks, m.failures} {
		if err := reg.Register(collector); err != nil {
			return nil, fmt.Errorf("breach: metrics: %w", err)
		}
	}
	return m, nil
}
