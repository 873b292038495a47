package credential

import (
	"context"
	"time"
)

// job is one hash to compute.
type job struct {
	ctx    context.Context
	lane   *lane
	work   func(Hasher) outcome
	queued time.Time
	done   chan outcome // holds one, so that a worker never waits for a caller who has left
}

// outcome is what a job gives: a result or a stored form, by its kind.
type outcome struct {
	result Result
	phc    PHC
	err    error
}

// work is a worker's life: one job after the other, until Close.
func (p *Pool) work() {
	for j := p.next(); j != nil; j = p.next() {
		p.serve(j)
	}
}

// next waits for a job. Calls prefer the lanes in turn, whichever worker makes them; were each worker to keep its own
// turn, all could serve the same lane at once. It returns nil when the pool closes.
func (p *Pool) next() *job {
	select {
	case <-p.stop:
		return nil
	default:
	}
	turn := Lane(p.turns.Add(1) % uint64(laneCount))
	select {
	case j := <-p.lanes[turn].queue:
		return j
	default:
	}
	select {
	case j := <-p.lanes[Known].queue:
		return j
	case j := <-p.lanes[Stranger].queue:
		return j
	case <-p.stop:
		return nil
	}
}

// serve computes a job, unless its caller has left, and frees its slot before the caller hears of it.
func (p *Pool) serve(j *job) {
	if j.ctx.Err() != nil {
		<-j.lane.slots
		return
	}
	p.metrics.began(j.lane.name, time.Since(j.queued))
	out := j.work(p.hasher)
	<-j.lane.slots
	j.done <- out
}
