package rpc

import (
	"context"
	"log/slog"
	"maps"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
)

// terms are what a priority gets: the part of a server's places, in per cent, up to
// which it is let in, and how long it is told to wait when it isn't. Places are
// counted over all priorities, so the last quarter is kept for what is vital, and
// sign-ups go first.
var terms = [...]struct {
	share int64
	retry time.Duration
}{
	access.Deferrable:  {50, 5 * time.Second},
	access.Interactive: {75, 2 * time.Second},
	access.Vital:       {100, time.Second},
}

// load bounds the calls in flight on one server: beyond what it can do at once, more
// calls only make all of them late. Unary calls and streams have places of their
// own, so that long-lived streams don't eat up the room for calls.
type load struct {
	unary, streams room
	shed           *prometheus.CounterVec
	logger         *slog.Logger
	lines          *telemetry.Sparing
}

func newLoad(cfg ServerConfig) *load {
	l := &load{
		shed: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name:        "doorward_rpc_calls_shed_total",
			Help:        "Calls refused because too many were in flight, by priority.",
			ConstLabels: prometheus.Labels{"service": cfg.Name},
		}, []string{"priority"}),
		logger: cfg.Logger,
		lines:  telemetry.NewSparing(cfg.Now),
	}
	l.unary.size(cfg.Limits.MaxCalls)
	l.streams.size(cfg.Limits.MaxStreams)
	return l
}

// enter takes a place for a call, which leave gives back; or refuses it.
func (l *load) enter(ctx context.Context, c *call, p access.Priority) error {
	if l.roomOf(c).enter(p) {
		return nil
	}
	c.shed = true
	l.shed.WithLabelValues(p.String()).Inc()
	if times, tell := l.lines.Happened(); tell {
		l.logger.LogAttrs(ctx, slog.LevelWarn, "too many calls in flight: calls are refused",
			slog.Int64("refused", times), slog.String("method", c.method), slog.String("priority", p.String()))
	}
	return errOverloaded.RetryIn(terms[p].retry)
}

func (l *load) leave(c *call, p access.Priority) { l.roomOf(c).leave(p) }

func (l *load) roomOf(c *call) *room {
	if c.stream != nil {
		return &l.streams
	}
	return &l.unary
}

var errOverloaded = fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
	"The server has too much to do at the moment. Wait as RetryInfo says.")

// collectors are what is measured of it. kind is "unary" or "stream".
func (l *load) collectors(service prometheus.Labels) []prometheus.Collector {
	all := []prometheus.Collector{l.shed}
	for _, p := range access.Priorities() {
		l.shed.WithLabelValues(p.String()) // shown from the start, as 0
		for kind, r := range map[string]*room{"unary": &l.unary, "stream": &l.streams} {
			labels := prometheus.Labels{"priority": p.String(), "kind": kind}
			maps.Copy(labels, service)
			all = append(all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
				Name:        "doorward_rpc_calls_in_flight",
				Help:        "Calls in flight, by priority and kind.",
				ConstLabels: labels,
			}, func() float64 { return float64(r.inFlight[p].Load()) }))
		}
	}
	return all
}

// room is a number of places.
type room struct {
	places   [len(terms)]int64 // how many may be taken when one of the priority comes
	taken    atomic.Int64
	inFlight [len(terms)]atomic.Int64 // the same by priority, for the metrics
}

func (r *room) size(places int) {
	for p, t := range terms {
		r.places[p] = int64(places) * t.share / 100
	}
}

func (r *room) enter(p access.Priority) bool {
	for {
		taken := r.taken.Load()
		if taken >= r.places[p] {
			return false
		}
		if r.taken.CompareAndSwap(taken, taken+1) {
			r.inFlight[p].Add(1)
			return true
		}
	}
}

func (r *room) leave(p access.Priority) {
	r.taken.Add(-1)
	r.inFlight[p].Add(-1)
}
