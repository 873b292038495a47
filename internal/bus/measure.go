package bus

import (
	"context"
	"log/slog"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

const (
	// measureEvery is how often a consumer asks how far behind it is.
	measureEvery = 10 * time.Second
	// countEvery is how often it counts its dead letters: every so many of those times.
	countEvery = 3
)

// measure shows how far behind the consumer is and what became of what it couldn't handle, until ctx ends. While the bus is away the last
// figures stay, and doorward_bus_connected says so.
func (k *consumer) measure(ctx context.Context, durable jetstream.Consumer) {
	ticker := time.NewTicker(measureEvery)
	defer ticker.Stop()
	dead := NewDead(k.conn)
	for n := 0; ; n++ {
		k.measureLag(ctx, durable)
		if n%countEvery == 0 {
			k.countDead(ctx, dead)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (k *consumer) measureLag(ctx context.Context, durable jetstream.Consumer) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	info, err := durable.Info(ctx)
	if err != nil {
		k.unmeasured(ctx, err)
		return
	}
	k.Metrics.pending.WithLabelValues(k.Stream).Set(float64(info.NumPending))
	k.Metrics.unsettled.WithLabelValues(k.Stream).Set(float64(info.NumAckPending))
}

func (k *consumer) countDead(ctx context.Context, dead *Dead) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, err := dead.count(ctx, k.Stream)
	if err != nil {
		k.unmeasured(ctx, err)
		return
	}
	k.Metrics.dead.WithLabelValues(k.Stream).Set(float64(n))
}

// unmeasured is for whoever wonders: why the bus doesn't answer is said, and counted, by those who read from it.
func (k *consumer) unmeasured(ctx context.Context, err error) {
	k.log.LogAttrs(ctx, slog.LevelDebug, "bus: the consumer's lag isn't known", slog.Any("error", err))
}
