package boltdb

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"
)

// metrics are what an operator needs to see of the writer: whether the disk
// keeps up, and whether closures fail where they should refuse.
type metrics struct {
	commit prometheus.Histogram
	batch  prometheus.Histogram
	reruns prometheus.Counter
	failed prometheus.Counter
	queued prometheus.GaugeFunc
	size   prometheus.GaugeFunc
	used   prometheus.GaugeFunc

	registerer prometheus.Registerer
}

func newMetrics(r prometheus.Registerer, db *DB) (*metrics, error) {
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
		}, func() float64 { return float64(len(db.queue)) }),
		size: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "doorward_store_size_bytes",
			Help: "Size of the store's file. It grows in steps of 16 MiB and never shrinks.",
		}, db.size),
		used: prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "doorward_store_used_bytes",
			Help: "The part of the file that holds something; the rest is written to before the file grows.",
		}, db.used),
	}
	if r == nil {
		return m, nil
	}
	// One process may run several services, each with a store.
	store := strings.TrimSuffix(filepath.Base(db.Path()), ".db")
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
	return []prometheus.Collector{m.commit, m.batch, m.reruns, m.failed, m.queued, m.size, m.used}
}

// size is the file's; 0 when the file can't be looked at.
func (db *DB) size() float64 {
	info, err := os.Stat(db.Path())
	if err != nil {
		return 0
	}
	return float64(info.Size())
}

// used is what the last commit left in use: all pages that ever were, but for the free ones.
func (db *DB) used() float64 {
	var bytes int64
	// It fails only on a store that is being closed, whose metrics go with it.
	_ = db.bolt.View(func(tx *bolt.Tx) error {
		bytes = tx.Size()
		return nil
	})
	stats := db.bolt.Stats()
	return float64(bytes - int64((stats.FreePageN+stats.PendingPageN)*db.bolt.Info().PageSize))
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
