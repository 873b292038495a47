package boltdb

import (
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are what an operator needs to see of the writer: whether the disk
// keeps up, and whether closures fail where they should refuse.
type metrics struct {
	commit prometheus.Histogram
	batch  prometheus.Histogram
	reruns prometheus.Counter
	failed prometheus.Counter
	queued prometheus.GaugeFunc

	registerer prometheus.Registerer
}

func newMetrics(r prometheus.Registerer, file string, queued func() int) (*metrics, error) {
	m := &metrics{
		commit: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "doorward_store_commit_seconds",
			Help:    "Time to run, write and sync one shared transaction.",
			Buckets: prometheus.ExponentialBuckets(0.00025, 2, 14),
		}),
		batch: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "doorward_store_batch_calls",
			Help:    "Calls that shared one transaction.",
			Buckets: prometheus.ExponentialBuckets(1, 2, 9),
		}),
		reruns: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "doorward_store_reruns_total",
			Help: "Closures that ran again because a neighbour failed.",
		}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "doorward_store_commit_failures_total",
			Help: "Transactions that the disk refused.",
		}),
		queued: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "doorward_store_queued_calls",
			Help: "Calls that wait for the writer.",
		}, func() float64 { return float64(queued()) }),
	}
	if r == nil {
		return m, nil
	}
	// One process may run several services, each with a store.
	store := strings.TrimSuffix(file, ".db")
	m.registerer = prometheus.WrapRegistererWith(prometheus.Labels{"store": store}, r)
	for _, c := range m.all() {
		if err := m.registerer.Register(c); err != nil {
			m.unregister()
			return nil, fmt.Errorf("register metrics of store %q: %w", store, err)
		}
	}
	return m, nil
}

func (m *metrics) all() []prometheus.Collector {
	return []prometheus.Collector{m.commit, m.batch, m.reruns, m.failed, m.queued}
}

// unregister makes room for the same store being opened again.
func (m *metrics) unregister() {
	if m.registerer == nil {
		return
	}
	for _, c := range m.all() {
		m.registerer.Unregister(c)
	}
}
