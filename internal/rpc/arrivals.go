package rpc

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/tap"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// arrivals bounds the calls whose first byte has come, over all connections, whether or
// not the rest of the request ever does: each has a goroutine and buffers from then on,
// and the interceptors, which count calls in flight, don't see it before it is whole. A
// stranger needs no credentials to begin one.
//
// The bound is twice what one connection may begin, so that none can take all places.
type arrivals struct {
	most    int64
	open    atomic.Int64
	refused prometheus.Counter
	logger  *slog.Logger
	lines   sparing
}

func newArrivals(cfg ServerConfig) *arrivals {
	return &arrivals{
		most: 2 * int64(cfg.Limits.MaxCalls+cfg.Limits.MaxStreams),
		refused: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        "doorward_rpc_requests_refused_total",
			Help:        "Requests refused at their first byte, because too many had begun and not ended.",
			ConstLabels: prometheus.Labels{"service": cfg.Name},
		}),
		logger: cfg.Logger,
		lines:  sparing{now: cfg.Now},
	}
}

// collectors are what is measured of it.
func (a *arrivals) collectors(service prometheus.Labels) []prometheus.Collector {
	return []prometheus.Collector{a.refused, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "doorward_rpc_requests_open",
		Help:        "Requests whose first byte has come and that haven't ended.",
		ConstLabels: service,
	}, func() float64 { return float64(a.open.Load()) })}
}

// bound lets a call begin while there is room. Its place is free when the call has
// ended, for then gRPC ends its context.
func (a *arrivals) bound(next tap.ServerInHandle) tap.ServerInHandle {
	return func(ctx context.Context, info *tap.Info) (context.Context, error) {
		if a.open.Add(1) > a.most {
			a.open.Add(-1)
			a.tell(ctx)
			return nil, errCrowded
		}
		context.AfterFunc(ctx, func() { a.open.Add(-1) })
		return next(ctx, info)
	}
}

func (a *arrivals) tell(ctx context.Context) {
	a.refused.Inc()
	if times, tell := a.lines.happened(); tell {
		a.logger.LogAttrs(ctx, slog.LevelWarn, "too many requests have begun and not ended: new ones are refused", slog.Int64("refused", times))
	}
}

// errCrowded is made once: whoever causes it shall not make us work.
var errCrowded = fault.ToStatus(fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
	"The server has more requests than it can take. Wait as RetryInfo says.").RetryIn(2 * time.Second)).Err()
