package flow

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/doorward/doorward/services/notify/internal/alert"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// The loop's rhythm.
const (
	parallel     = 4           // mails with the mail server at once
	lookEvery    = time.Second // how exact a retry's moment is
	orphansEvery = time.Minute
	orphansPage  = 200
	measureEvery = 10 * time.Second
	mostMeasured = 10_000
	// stopGrace is how long mails that are with the mail server have once the service stops. One that is cut off is sent again.
	stopGrace = 10 * time.Second
)

// Outgoing sends the alerts that are due. There is one for a store: a delivery in "sending" that it doesn't have in hand is an orphan.
type Outgoing struct {
	Deps
	wake chan struct{}
}

// NewOutgoing puts the loop together; Run runs it.
func NewOutgoing(d Deps) *Outgoing { return &Outgoing{Deps: d, wake: make(chan struct{}, 1)} }

// Wake has it look at once for what is due. It never blocks.
func (o *Outgoing) Wake() {
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

// Run sends until ctx ends, gives what is with the mail server a moment more, and returns nil. It owns its workers.
func (o *Outgoing) Run(ctx context.Context) error {
	work, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	l := &line{Outgoing: o, busy: make(map[string]struct{}), finished: make(chan string, parallel)}
	tick := time.NewTicker(lookEvery)
	defer tick.Stop()
	for ctx.Err() == nil {
		l.adoptOrphans(ctx)
		l.dispatch(ctx, work)
		l.measure(ctx)
		select {
		case <-ctx.Done():
		case <-o.wake:
		case <-tick.C:
		case id := <-l.finished:
			delete(l.busy, id)
		}
	}
	last := time.AfterFunc(stopGrace, cut)
	defer last.Stop()
	l.workers.Wait()
	return nil
}

// line is the state of one Run. Its goroutine owns all of it; workers see the channel alone.
type line struct {
	*Outgoing
	busy     map[string]struct{}
	finished chan string // holds one for each worker, so that none waits for a loop that has ended
	workers  sync.WaitGroup

	nextOrphans time.Time
	nextMeasure time.Time
}

// adoptOrphans queues again what a crash, or a record that couldn't be written, left with the mail server: at start and now and then.
func (l *line) adoptOrphans(ctx context.Context) {
	now := l.Now()
	if now.Before(l.nextOrphans) {
		return
	}
	l.nextOrphans = now.Add(orphansEvery)
	for before := ""; ; {
		var page []alert.Delivery
		err := l.Store.View(ctx, func(tx store.Tx) (err error) {
			page, err = tx.Deliveries.List(alert.Filter{State: alert.Sending, Before: before, Limit: orphansPage})
			return err
		})
		if err != nil {
			l.nextOrphans = now.Add(lookEvery)
			l.Logger.LogAttrs(ctx, slog.LevelError, "can't look for unfinished deliveries", slog.Any("error", err))
			return
		}
		for _, d := range page {
			l.adopt(ctx, d)
		}
		if len(page) < orphansPage {
			return
		}
		before = page[len(page)-1].ID
	}
}

func (l *line) adopt(ctx context.Context, d alert.Delivery) {
	if _, inHand := l.busy[d.ID]; inHand || d.Kind.Sealed() {
		return
	}
	_, resumed, err := l.record(ctx, d.ID, func(d *alert.Delivery) bool { return d.Resume(l.Now()) })
	switch {
	case err != nil:
		l.nextOrphans = l.Now().Add(lookEvery)
		l.Logger.LogAttrs(ctx, slog.LevelError, "can't resume a delivery", slog.String("delivery_id", d.ID), slog.Any("error", err))
	case resumed:
		l.Logger.LogAttrs(ctx, slog.LevelWarn, "how a delivery ended isn't known, sending it again",
			slog.String("delivery_id", d.ID), slog.String("kind", string(d.Kind)))
	}
}

// dispatch gives what is due to workers, as many as there may be. work is their context, which outlives the loop's.
func (l *line) dispatch(ctx, work context.Context) {
	if len(l.busy) >= parallel {
		return
	}
	var due []alert.Delivery
	err := l.Store.View(ctx, func(tx store.Tx) (err error) {
		due, err = tx.Deliveries.Due(l.Now(), parallel+len(l.busy))
		return err
	})
	if err != nil {
		l.Logger.LogAttrs(ctx, slog.LevelError, "can't read the queue of deliveries", slog.Any("error", err))
		return
	}
	for _, d := range due {
		if _, inHand := l.busy[d.ID]; inHand || len(l.busy) >= parallel {
			continue
		}
		l.busy[d.ID] = struct{}{}
		l.workers.Go(func() {
			defer func() { l.finished <- d.ID }()
			l.deliver(work, d)
		})
	}
}

// measure shows now and then what waits, sealed mails too.
func (l *line) measure(ctx context.Context) {
	now := l.Now()
	if now.Before(l.nextMeasure) {
		return
	}
	l.nextMeasure = now.Add(measureEvery)
	var waiting []alert.Delivery
	err := l.Store.View(ctx, func(tx store.Tx) (err error) {
		waiting, err = tx.Deliveries.Waiting(mostMeasured)
		return err
	})
	if err != nil {
		l.Logger.LogAttrs(ctx, slog.LevelError, "can't measure the queue of deliveries", slog.Any("error", err))
		return
	}
	l.Metrics.measure(waiting, now)
}
