package flow

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/store"
)

const (
	// queueSize bounds the decisions that wait to be written: about 8 MB.
	queueSize = 8192
	// batchSize bounds one transaction.
	batchSize = 512
	// perSecond bounds what is written, and with it what a flood can take of disk and processor: more sign-ins than that don't fit
	// through the hashes of ten machines.
	perSecond = 2000
	// linger is how long the first decision of a batch waits for others: a commit costs the same for one as for hundreds.
	linger = 20 * time.Millisecond
	// writeTimeout bounds one batch, and at the end all that is left.
	writeTimeout = 5 * time.Second
	// reportEvery is how often losses are logged.
	reportEvery = time.Minute
)

// Recorder writes decisions to the store. Whoever is assessed doesn't wait for it: when more come than it writes, decisions are lost from
// the record, which is counted, and nothing else happens. Those that the gate stopped are lost first, so that a flood doesn't wash away
// the record of whoever got in meanwhile.
type Recorder struct {
	store  store.Store
	keep   int
	logger *slog.Logger
	queue  chan decision.Record

	dropped atomic.Uint64 // since the start

	// Of Run's goroutine alone.
	reported uint64
	lastErr  error
}

func newRecorder(d Deps) *Recorder {
	return &Recorder{store: d.Store, keep: d.KeepMost, logger: d.Logger, queue: make(chan decision.Record, queueSize)}
}

// add never waits.
func (r *Recorder) add(d decision.Record) {
	if d.Gate != score.Open && len(r.queue) >= queueSize/2 {
		r.dropped.Add(1)
		return
	}
	select {
	case r.queue <- d:
	default:
		r.dropped.Add(1)
	}
}

// Run writes until ctx ends, then writes what is left. End it after whatever assesses has ended.
func (r *Recorder) Run(ctx context.Context) error {
	report := time.NewTicker(reportEvery)
	defer report.Stop()
	for {
		select {
		case first := <-r.queue:
			r.writeAtPace(ctx, r.gather(ctx, first))
		case <-report.C:
			r.report(ctx)
		case <-ctx.Done():
			r.flush(ctx)
			r.report(ctx)
			return nil
		}
	}
}

// gather fills a batch, for as long as linger at most.
func (r *Recorder) gather(ctx context.Context, first decision.Record) []decision.Record {
	batch := append(make([]decision.Record, 0, batchSize), first)
	wait := time.NewTimer(linger)
	defer wait.Stop()
	for len(batch) < batchSize {
		select {
		case next := <-r.queue:
			batch = append(batch, next)
		case <-wait.C:
			return batch
		case <-ctx.Done():
			return batch
		}
	}
	return batch
}

// flush writes what the queue holds.
func (r *Recorder) flush(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	for len(r.queue) > 0 {
		batch := make([]decision.Record, 0, batchSize)
		for len(batch) < batchSize && len(r.queue) > 0 {
			batch = append(batch, <-r.queue) // nobody else receives
		}
		r.write(ctx, batch)
	}
}

// writeAtPace writes a batch, and returns when the next one may be written. What has begun is finished, also when Run is told to stop
// meanwhile.
func (r *Recorder) writeAtPace(ctx context.Context, batch []decision.Record) {
	next := time.NewTimer(time.Duration(len(batch)) * time.Second / perSecond)
	defer next.Stop()
	bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), writeTimeout)
	defer cancel()
	r.write(bounded, batch)
	select {
	case <-next.C:
	case <-ctx.Done():
	}
}

// write stores a batch, and makes room for it where the store is full.
func (r *Recorder) write(ctx context.Context, batch []decision.Record) {
	err := r.store.Update(ctx, func(tx store.Tx) error {
		if err := tx.Decisions.Add(batch...); err != nil {
			return err
		}
		// Twice as many as came, so that a lowered limit is reached in time.
		_, err := tx.Decisions.Trim(time.Time{}, r.keep, 2*len(batch))
		return err
	})
	if err != nil {
		r.lastErr = err
		r.dropped.Add(uint64(len(batch)))
	}
}

// report logs what was lost since the last report.
func (r *Recorder) report(ctx context.Context) {
	dropped := r.dropped.Load()
	if dropped == r.reported {
		return
	}
	r.logger.LogAttrs(ctx, slog.LevelError, "decisions were lost from the record: more came than are written, or the store fails",
		slog.Uint64("lost", dropped-r.reported), slog.Any("error", r.lastErr))
	r.reported, r.lastErr = dropped, nil
}
