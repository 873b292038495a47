package rpc

import (
	"context"
	"log/slog"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/tap"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
)

// arrivals bounds the requests that have begun and haven't come whole, over all
// connections: each has a goroutine and buffers from its first byte on, and the
// interceptors, which count calls in flight, don't see it before it is whole. Nobody
// has to be let in to begin one.
//
// Clients send a request in one go. So few are on their way at any moment, even of a
// backend with thousands of calls in flight, and whoever has many isn't sending them.
//
//	most ────────────────────────────────────────┐ with a verified certificate
//	ofStrangers, three quarters ───────────┐     │ without one
//	ofNetwork, an eighth ────┐             │     │ without one, from one address
//
// Applications have API keys and no certificate, and a key is looked at when its request
// is whole: here they are strangers too.
type arrivals struct {
	most, ofStrangers, ofNetwork int

	refused *prometheus.CounterVec
	overdue prometheus.Counter
	logger  *slog.Logger
	lines   *telemetry.Sparing
	every   time.Duration // between two rounds

	mu        sync.Mutex
	waiting   map[*arrival]uint64 // each with the round in which it began
	strangers int
	byNetwork map[netip.Prefix]int
	round     uint64
	rounds    bool // the next round is set
}

// What a request was refused by, beside boundServer and boundAddress of package doorway.
const (
	boundServer    = "server"
	boundStrangers = "strangers"
	boundAddress   = "address"
)

func newArrivals(cfg ServerConfig) *arrivals {
	most := 2 * (cfg.Limits.MaxCalls + cfg.Limits.MaxStreams)
	return &arrivals{
		most:        most,
		ofStrangers: most * strangersShare / 100,
		ofNetwork:   max(1, most*networkShare/1000),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name:        "doorward_rpc_requests_refused_total",
			Help:        "Requests refused at their first byte, because too many had begun and not come whole, by the bound: the server's, that of callers without a certificate, or the address's.",
			ConstLabels: prometheus.Labels{"service": cfg.Name},
		}, []string{"bound"}),
		overdue: prometheus.NewCounter(prometheus.CounterOpts{
			Name:        "doorward_rpc_requests_overdue_total",
			Help:        "Requests ended because they didn't come whole in time.",
			ConstLabels: prometheus.Labels{"service": cfg.Name},
		}),
		logger:    cfg.Logger,
		lines:     telemetry.NewSparing(cfg.Now),
		every:     cfg.ArrivalTimeout / roundsToArrive,
		waiting:   make(map[*arrival]uint64),
		byNetwork: make(map[netip.Prefix]int),
	}
}

// collectors are what is measured of it.
func (a *arrivals) collectors(service prometheus.Labels) []prometheus.Collector {
	for _, bound := range []string{boundServer, boundStrangers, boundAddress} {
		a.refused.WithLabelValues(bound) // shown from the start, as 0
	}
	return []prometheus.Collector{a.refused, a.overdue, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name:        "doorward_rpc_requests_open",
		Help:        "Requests whose first byte has come and that haven't come whole.",
		ConstLabels: service,
	}, func() float64 { return float64(a.count()) })}
}

// bound lets a request begin while there is room, and gives it its time to come whole
// and its call the limit.
func (a *arrivals) bound(limit limitOf) tap.ServerInHandle {
	return func(ctx context.Context, info *tap.Info) (context.Context, error) {
		r := &arrival{of: a, from: senderOf(ctx)}
		if bound, ok := a.enter(ctx, r, limit, info.FullMethodName); !ok {
			a.tell(ctx, bound, r.from)
			if waitsLong(ctx) {
				return turnAway(ctx), nil
			}
			return nil, errCrowded
		}
		return r, nil
	}
}

// enter counts a request in, or names the bound that it would break.
func (a *arrivals) enter(ctx context.Context, r *arrival, limit limitOf, method string) (bound string, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	switch {
	case len(a.waiting) >= a.most:
		return boundServer, false
	case r.from.certified:
	case a.byNetwork[r.from.network] >= a.ofNetwork:
		return boundAddress, false
	case a.strangers >= a.ofStrangers:
		return boundStrangers, false
	default:
		a.strangers++
		a.byNetwork[r.from.network]++
	}
	r.begin(ctx, limit, method)
	a.waiting[r] = a.round
	a.setRound()
	return "", true
}

// leave gives a request's place back; false when somebody has done so.
func (a *arrivals) leave(r *arrival) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.remove(r)
}

func (a *arrivals) remove(r *arrival) bool {
	if _, waits := a.waiting[r]; !waits {
		return false
	}
	delete(a.waiting, r)
	if r.from.certified {
		return true
	}
	a.strangers--
	if a.byNetwork[r.from.network]--; a.byNetwork[r.from.network] == 0 {
		delete(a.byNetwork, r.from.network)
	}
	return true
}

// roundsToArrive is how many rounds a request may wait for its rest. One timer for
// all costs a call nothing, and nobody minds a fifth more of the time.
const roundsToArrive = 5

// setRound sees to it that what waits is looked at. Nothing runs while nothing waits.
func (a *arrivals) setRound() {
	if !a.rounds {
		a.rounds = true
		time.AfterFunc(a.every, a.goRound)
	}
}

// goRound lets go of requests whose calls have ended before they were whole, and ends
// those that are overdue.
func (a *arrivals) goRound() {
	for _, r := range a.takeOverdue() {
		a.overdue.Inc()
		r.giveUp()
	}
}

func (a *arrivals) takeOverdue() (late []*arrival) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rounds = false
	a.round++
	for r, began := range a.waiting {
		switch {
		case r.Context.Err() != nil:
			a.remove(r)
		case a.round-began > roundsToArrive:
			a.remove(r)
			late = append(late, r)
		}
	}
	if len(a.waiting) > 0 {
		a.setRound()
	}
	return late
}

func (a *arrivals) count() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return len(a.waiting)
}

func (a *arrivals) tell(ctx context.Context, bound string, from sender) {
	a.refused.WithLabelValues(bound).Inc()
	if times, tell := a.lines.Happened(); tell {
		a.logger.LogAttrs(ctx, slog.LevelWarn, "too many requests have begun and not come whole: new ones are refused",
			slog.Int64("refused", times), slog.String("bound", bound), slog.String("network", from.network.String()))
	}
}

// sender is whom a request is counted for.
type sender struct {
	certified bool // its certificate was verified; its network doesn't matter then
	network   netip.Prefix
}

func senderOf(ctx context.Context) sender {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return sender{} // nobody knows it: all such are one network
	}
	if info, ok := p.AuthInfo.(credentials.TLSInfo); ok && len(info.State.VerifiedChains) > 0 {
		return sender{certified: true}
	}
	return sender{network: access.NetworkOf(addrOf(p.Addr))}
}

// errCrowded is made once: whoever causes it shall not make us work.
var errCrowded = fault.ToStatus(fault.New(fault.Exhausted, typev1.Reason_REASON_OVERLOADED,
	"The server has more requests than it can take. Wait as RetryInfo says.").RetryIn(2 * time.Second)).Err()
