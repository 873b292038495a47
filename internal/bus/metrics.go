package bus

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// How a delivery can end; the values of the label "outcome".
const (
	outcomeDone  = "done"  // handled
	outcomeRetry = "retry" // failed, comes again
	outcomeDead  = "dead"  // ended as a dead letter
	outcomeStuck = "stuck" // couldn't even be written as a dead letter, comes again
	outcomeSkip  = "skip"  // a view passed over it
)

// Metrics of everything that reads. One value serves all consumers of a process.
type Metrics struct {
	deliveries *prometheus.CounterVec
	restarts   *prometheus.CounterVec
	behind     *prometheus.GaugeVec
}

// NewMetrics registers them. The label "stream" is one of Streams.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_bus_deliveries_total", Help: "Events read, by stream and outcome: done, retry, dead, stuck, skip.",
		}, []string{"stream", "outcome"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_bus_restarts_total", Help: "How often reading a stream had to start anew after a failure or a reconnect.",
		}, []string{"stream"}),
		behind: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorward_bus_behind", Help: "Events that a view hasn't read yet.",
		}, []string{"stream"}),
	}
	var faults []error
	for _, c := range []prometheus.Collector{m.deliveries, m.restarts, m.behind} {
		if err := reg.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("bus: register metric: %w", err))
		}
	}
	return m, errors.Join(faults...)
}

func (m *Metrics) delivered(stream, outcome string) {
	m.deliveries.WithLabelValues(stream, outcome).Inc()
}
