package outbox

import (
	"context"
	"errors"
	"log/slog"
	"time"
)

// loop is the state of one Run. One goroutine owns all of it; the collector and the keeper see only the channels.
//
//	            rows                 flights                    landed
//	queue ---> [fill] ---> [publish] -------> (collector) ------------+
//	  ^                                                               v
//	  +---- (keeper) <-------------------- jobs ------------------- [land]
//
// After any failure the loop is unsure: it lets what is in flight land, has every acknowledgement stored, asks each stream for its
// place, rewinds, and only then goes on. While it is unsure nothing is published.
type loop struct {
	*Relay
	log *slog.Logger

	streams map[string]*stream
	rows    []Row               // read and not yet published, in order
	taken   map[string]struct{} // ids published but not yet stored as acknowledged
	busy    map[string]struct{} // keys with an event in flight
	held    map[string]hold     // rows that failed, by id
	acks    []Ack               // to be stored
	marks   []*mark             // heartbeats and drains that wait for rows

	inFlight int
	keeping  bool // the keeper is at work
	unsure   bool
	dirty    bool // the queue has to be read again
	complete bool // the last read gave everything there was
	width    int  // how many rows to read; see widen

	nextTry    time.Time // of recovery, reading and storing, after a failure
	waits      int
	nextForget time.Time

	flights chan flight
	landed  chan landing
	jobs    chan job
	kept    chan keeping
}

// stream is where the relay believes a stream stands.
type stream struct {
	place    Place // Last counts what is in flight
	inFlight int
	// careful means one event at a time: after a recovery the stream may hold events whose acknowledgement was lost, and the
	// place of what follows a duplicate is known only when it has landed.
	careful bool
}

// hold keeps a row that failed by its own fault from being tried again at once; rows of the same key wait with it.
type hold struct {
	until time.Time
	fails int
}

func newLoop(r *Relay) *loop {
	l := &loop{
		Relay:   r,
		log:     r.cfg.Logger,
		streams: make(map[string]*stream),
		taken:   make(map[string]struct{}),
		busy:    make(map[string]struct{}),
		held:    make(map[string]hold),
		unsure:  true, // a start is a recovery
		width:   pageSize,
		flights: make(chan flight, window),
		landed:  make(chan landing, window),
		jobs:    make(chan job, 1),
		kept:    make(chan keeping, 1),
	}
	for _, name := range r.cfg.Streams {
		l.streams[name] = &stream{}
	}
	return l
}

func (l *loop) run(ctx context.Context) {
	ticker := time.NewTicker(tick)
	defer ticker.Stop()
	retry := time.NewTicker(firstWait)
	defer retry.Stop()
	for {
		l.step(ctx)
		select {
		case <-ctx.Done():
			return
		case <-l.cfg.Queue.Changed():
			l.dirty = true
		case x := <-l.landed:
			l.land(x)
		case x := <-l.kept:
			l.stored(x)
		case <-l.cfg.Publisher.Reconnected():
			// Whatever failed may have failed because the connection was gone, and the stream may have been rolled back.
			clear(l.held)
			l.unsure, l.nextTry = true, time.Time{}
		case drained := <-l.drains:
			l.addMark(&mark{done: drained})
		case <-ticker.C:
			l.beat()
			l.measure(ctx)
		case <-retry.C: // what waits for its backoff is tried again by the next step
		}
	}
}

// step does everything that can be done now.
func (l *loop) step(ctx context.Context) {
	l.handOver()
	if l.unsure && !l.recover(ctx) {
		return
	}
	l.fill(ctx)
	l.settleMarks()
	l.publishAll()
	l.widen()
	l.handOver()
}

// recover asks every stream for its place and makes pending what a stream no longer has. It says whether publishing may go on.
func (l *loop) recover(ctx context.Context) bool {
	// The comparison is worth something only when every acknowledgement is stored.
	if l.inFlight > 0 || l.keeping || len(l.acks) > 0 || l.cfg.Now().Before(l.nextTry) {
		return false
	}
	for name, s := range l.streams {
		if err := l.recoverStream(ctx, name, s); err != nil {
			l.fail(ctx, stepRecover, err, slog.String("stream", name))
			return false
		}
	}
	l.unsure, l.dirty, l.waits, l.nextTry = false, true, 0, time.Time{}
	return true
}

func (l *loop) recoverStream(ctx context.Context, name string, s *stream) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	place, err := l.cfg.Publisher.Place(ctx, name)
	if err != nil {
		return err
	}
	n, err := l.cfg.Queue.Rewind(ctx, name, place.Created, place.Last)
	if err != nil {
		return err
	}
	if n > 0 {
		l.reopenMarks()
		l.metrics.rewound.Add(float64(n))
		l.log.LogAttrs(ctx, slog.LevelWarn, "outbox: a stream lost acknowledged events, publishing them again",
			slog.String("stream", name), slog.Int("events", n), slog.Uint64("last_sequence", place.Last))
	}
	s.place, s.careful = place, true
	return nil
}

// fill reads the queue when it may have changed.
func (l *loop) fill(ctx context.Context) {
	if (!l.dirty && (len(l.rows) > 0 || l.complete)) || l.cfg.Now().Before(l.nextTry) {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	limit := l.width + len(l.taken)
	rows, err := l.cfg.Queue.Pending(ctx, limit)
	if err != nil {
		l.fail(ctx, stepRead, err)
		return
	}
	l.dirty, l.complete, l.rows = false, len(rows) < limit, l.rows[:0]
	for _, row := range rows {
		if _, ok := l.taken[row.ID]; !ok {
			l.rows = append(l.rows, row)
		}
	}
	if l.complete {
		l.width = min(max(pageSize, 2*len(l.rows)), l.width)
	}
	l.snapshotMarks()
}

// widen reads further when most of what was read can't go now: rows that their stream refuses, or that wait behind one of their key. They must not
// hide the rows behind them, which may be a revocation. Up to maxWidth of them don't.
func (l *loop) widen() {
	if l.complete || l.unsure || !l.room() || 2*len(l.rows) < l.width || l.width >= maxWidth {
		return
	}
	l.width, l.dirty = min(2*l.width, maxWidth), true
}

// fail counts, logs and sets when to try again.
func (l *loop) fail(ctx context.Context, step string, err error, attrs ...slog.Attr) {
	l.metrics.errors.WithLabelValues(step).Inc()
	if ctx.Err() != nil && errors.Is(err, context.Canceled) {
		return // stopping
	}
	l.nextTry = l.cfg.Now().Add(backoff(l.waits))
	l.waits++
	l.log.LogAttrs(ctx, slog.LevelWarn, "outbox: the relay can't go on for now", append(attrs, slog.String("step", step), slog.Any("error", err))...)
}

// backoff doubles from firstWait up to longestWait.
func backoff(fails int) time.Duration {
	return min(firstWait<<min(fails, 10), longestWait)
}

func (l *loop) measure(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	n, oldest, err := l.cfg.Queue.Depth(ctx)
	if err != nil {
		l.metrics.errors.WithLabelValues(stepRead).Inc()
		return
	}
	l.metrics.pending.Set(float64(n))
	age := 0.0
	if n > 0 {
		age = max(0, l.cfg.Now().Sub(oldest).Seconds())
	}
	l.metrics.oldest.Set(age)
}
