package outbox

import (
	"context"
	"log/slog"
	"time"
)

// job is one errand to the store: acknowledgements to keep, and old rows to forget when forget isn't zero.
type job struct {
	acks   []Ack
	forget time.Time
}

type keeping struct {
	job
	err error
}

// keep runs errands one at a time, so that the loop never waits for the store's disk. It ends when jobs is closed.
func (l *loop) keep(ctx context.Context) {
	for j := range l.jobs {
		l.kept <- keeping{job: j, err: l.do(ctx, j)}
	}
}

func (l *loop) do(ctx context.Context, j job) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	if len(j.acks) > 0 {
		if err := l.cfg.Queue.Acknowledged(ctx, j.acks); err != nil {
			return err
		}
	}
	if !j.forget.IsZero() {
		if _, err := l.cfg.Queue.Forget(ctx, j.forget); err != nil {
			// Not worth a retry: the next minute's errand forgets the same rows.
			l.metrics.errors.WithLabelValues(stepStore).Inc()
			l.log.LogAttrs(ctx, slog.LevelWarn, "outbox: can't remove old events", slog.Any("error", err))
		}
	}
	return nil
}

// handOver gives the keeper what there is to store, if it is free.
func (l *loop) handOver() {
	now := l.cfg.Now()
	if l.keeping || now.Before(l.nextTry) {
		return
	}
	j := job{acks: l.acks}
	if !now.Before(l.nextForget) {
		j.forget = now.Add(-keepFor)
		l.nextForget = now.Add(forgetEvery)
	}
	if len(j.acks) == 0 && j.forget.IsZero() {
		return
	}
	l.acks, l.keeping = nil, true
	l.jobs <- j // never blocks: the keeper is free
}

// stored takes in the keeper's answer.
func (l *loop) stored(x keeping) {
	l.keeping = false
	if x.err != nil {
		l.acks = append(x.acks, l.acks...)
		l.fail(context.Background(), stepStore, x.err)
		return
	}
	for _, ack := range x.acks {
		delete(l.taken, ack.ID)
		l.keptMarks(ack.ID)
	}
	l.waits = 0
}
