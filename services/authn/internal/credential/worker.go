package credential

import (
	"sync/atomic"
	"time"
)

// job is one hash to compute.
type job struct {
	lane    *lane
	work    func(Hasher) outcome
	queued  time.Time
	claimed atomic.Bool
	done    chan outcome // holds one, so that a worker never waits
}

// claim decides who has the job, once: the worker that begins it, or the caller who leaves before that.
func (j *job) claim() bool { return j.claimed.CompareAndSwap(false, true) }

// outcome is what a job gives: a result, or a stored form, or what is wrong with a new password, by its kind.
type outcome struct {
	result   Result
	phc      PHC
	problems []Problem
	err      error
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
	if !j.claim() {
		<-j.lane.slots
		return
	}
	p.metrics.began(j.lane.name, time.Since(j.queued))
	out := j.work(p.hasher)
	p.metrics.ended()
	<-j.lane.slots
	j.done <- out
}
