package outbox

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// The steps at which the relay can fail; the values of the label "step".
const (
	stepRead    = "read"    // the store didn't give its pending rows
	stepPublish = "publish" // the bus refused a row or didn't answer
	stepMoved   = "moved"   // the stream wasn't where the relay left it
	stepStore   = "store"   // the store didn't take acknowledgements
	stepRecover = "recover" // the stream's place couldn't be read, or rows not rewound
)

type metrics struct {
	pending   prometheus.Gauge
	oldest    prometheus.Gauge
	published *prometheus.CounterVec
	rewound   prometheus.Counter
	errors    *prometheus.CounterVec
}

// newMetrics registers them. feedAge is nil for a relay without heartbeats.
func newMetrics(reg prometheus.Registerer, streams []string, feedAge func() float64) (*metrics, error) {
	m := &metrics{
		pending: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "doorward_outbox_pending", Help: "Events that wait to be published.",
		}),
		oldest: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "doorward_outbox_oldest_seconds", Help: "Age of the oldest event that waits to be published; 0 when none does.",
		}),
		published: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_outbox_published_total", Help: "Events acknowledged by the bus, by stream; heartbeats included.",
		}, []string{"stream"}),
		rewound: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "doorward_outbox_rewound_total", Help: "Events that a stream had acknowledged and lost, and that were made pending again.",
		}),
		errors: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_outbox_errors_total", Help: "Failures of the relay, by step: read, publish, moved, store, recover.",
		}, []string{"step"}),
	}
	for _, step := range []string{stepRead, stepPublish, stepMoved, stepStore, stepRecover} {
		m.errors.WithLabelValues(step) // shown from the start, as 0
	}
	for _, stream := range streams {
		m.published.WithLabelValues(stream)
	}
	all := []prometheus.Collector{m.pending, m.oldest, m.published, m.rewound, m.errors}
	if feedAge != nil {
		all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "doorward_feed_age_seconds", Help: "Age of the newest heartbeat that the stream of revocations has, as its verifiers know it; since the start when there was none.",
		}, feedAge))
	}
	var faults []error
	for _, c := range all {
		if err := reg.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("outbox: register metric: %w", err))
		}
	}
	return m, errors.Join(faults...)
}
