package rpc

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/doorward/doorward/internal/fault"
)

// metrics counts and times the calls of one server. Its labels are closed sets:
// service is the server's name, method one of its registered methods (unknown ones
// never reach an interceptor), code a gRPC code, reason one of the proto's.
type metrics struct {
	now      func() time.Time
	calls    *prometheus.CounterVec
	failures *prometheus.CounterVec
	duration *prometheus.HistogramVec
	serving  prometheus.Gauge
	methods  map[string]*methodMetrics
}

// methodMetrics are a method's own, looked up once: by their labels they cost more than the rest of the step.
type methodMetrics struct {
	found    sync.Once
	ok       prometheus.Counter
	duration prometheus.Observer
}

// measured is a part of the server that has metrics of its own.
type measured interface {
	collectors(service prometheus.Labels) []prometheus.Collector
}

func newMetrics(cfg ServerConfig, others []prometheus.Collector, parts ...measured) (*metrics, error) {
	service := prometheus.Labels{"service": cfg.Name}
	m := &metrics{
		now:     cfg.Now,
		methods: make(map[string]*methodMetrics),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_rpc_calls_total", Help: "Calls answered, by method and gRPC code.", ConstLabels: service,
		}, []string{"method", "code"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "doorward_rpc_failures_total", Help: "Calls that failed, by the reason that the caller was given.", ConstLabels: service,
		}, []string{"reason"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "doorward_rpc_duration_seconds", Help: "Time from a call's arrival to its answer, by method.", ConstLabels: service,
			// From a cached token check to a password's fixed deadline.
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 10},
		}, []string{"method"}),
		serving: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "doorward_serving", Help: "1 while health checks are told that the service can work, else 0.", ConstLabels: service,
		}),
	}
	collectors := append([]prometheus.Collector{m.calls, m.failures, m.duration, m.serving}, others...)
	for _, part := range parts {
		collectors = append(collectors, part.collectors(service)...)
	}
	for _, c := range collectors {
		if err := cfg.Registerer.Register(c); err != nil {
			return nil, fmt.Errorf("metrics of server %s: %w", cfg.Name, err)
		}
	}
	return m, nil
}

// add makes room for a method, before the server runs.
func (m *metrics) add(method string) { m.methods[method] = new(methodMetrics) }

func (m *metrics) observe(ctx context.Context, c *call) error {
	c.began = m.now()
	err := c.next(ctx)
	own := m.methods[c.method]
	own.found.Do(func() {
		own.ok = m.calls.WithLabelValues(c.method, codes.OK.String())
		own.duration = m.duration.WithLabelValues(c.method)
	})
	if err == nil {
		own.ok.Inc()
	} else {
		m.calls.WithLabelValues(c.method, status.Code(err).String()).Inc()
		m.failures.WithLabelValues(fault.ReasonOf(err).String()).Inc()
	}
	if c.stream == nil { // a stream's length says nothing about its speed
		own.duration.Observe(m.now().Sub(c.began).Seconds())
	}
	return err
}
