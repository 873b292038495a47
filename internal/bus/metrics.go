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
	// It isn't from the stream's writer, and was passed over.
	outcomeForeign = "foreign"
)

// Metrics of everything that reads. One value serves all consumers of a process.
type Metrics struct {
	registerer prometheus.Registerer
	deliveries *prometheus.CounterVec
	restarts   *prometheus.CounterVec
	behind     *prometheus.GaugeVec
	pending    *prometheus.GaugeVec
	unsettled  *prometheus.GaugeVec
	dead       *prometheus.GaugeVec
}

// NewMetrics registers them. The label "stream" is one of Streams.
func NewMetrics(reg prometheus.Registerer) (*Metrics, error) {
	m := &Metrics{
		registerer: reg,
		deliveries: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_bus_deliveries_total", Help: "Events read, by stream and outcome: done, retry, dead, stuck, skip, foreign.",
		}, []string{"stream", "outcome"}),
		restarts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_bus_restarts_total", Help: "How often reading a stream had to start anew after a failure or a reconnect.",
		}, []string{"stream"}),
		behind: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorward_bus_behind", Help: "Events that a view hasn't read yet.",
		}, []string{"stream"}),
		pending: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorward_bus_pending", Help: "Events that a consumer hasn't been given yet.",
		}, []string{"stream"}),
		unsettled: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorward_bus_unsettled", Help: "Events that are being handled, or wait for their next try.",
		}, []string{"stream"}),
		dead: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "doorward_bus_dead_letters", Help: "Dead letters that wait for an operator, by the stream that they come from; counted up to 500.",
		}, []string{"stream"}),
	}
	var faults []error
	for _, c := range []prometheus.Collector{m.deliveries, m.restarts, m.behind, m.pending, m.unsettled, m.dead} {
		if err := reg.Register(c); err != nil {
			faults = append(faults, fmt.Errorf("bus: register metric: %w", err))
		}
	}
	return m, errors.Join(faults...)
}

// Watch shows whether a connection is up. Of a process's connections it is given the service's own, once.
func (m *Metrics) Watch(c *Conn) error {
	connected := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "doorward_bus_connected", Help: "1 while NATS is reachable, else 0.",
	}, func() float64 {
		if c.Connected() {
			return 1
		}
		return 0
	})
	if err := m.registerer.Register(connected); err != nil {
		return fmt.Errorf("bus: register metric: %w", err)
	}
	return nil
}

// begin shows a reader's counters as 0: what appears with its first event has no increase that an alert could see.
func (m *Metrics) begin(stream string, outcomes ...string) {
	m.restarts.WithLabelValues(stream)
	for _, outcome := range outcomes {
		m.deliveries.WithLabelValues(stream, outcome)
	}
}

func (m *Metrics) delivered(stream, outcome string) {
	m.deliveries.WithLabelValues(stream, outcome).Inc()
}
