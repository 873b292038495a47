package credential

import (
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Lane says whose password is to be checked. The zero value is the lane with less standing.
type Lane int

const (
	// Stranger is a caller on a device that isn't known.
	Stranger Lane = iota
	// Known is a caller on a device that is known for the user it names.
	Known

	laneCount
)

func (l Lane) String() string {
	if l == Known {
		return "known"
	}
	return "stranger"
}

// deadlineFactor is D in hashes.
const deadlineFactor = 4

var (
	// ErrClosed says that the pool is shutting down.
	ErrClosed = errors.New("credential: the pool is closed")
	// ErrSpent says that a ticket was used before or released.
	ErrSpent = errors.New("credential: a ticket is good for one hash")
)

// BusyError says that a hash begun now wouldn't finish by the deadline.
type BusyError struct {
	RetryAfter time.Duration
}

func (e *BusyError) Error() string {
	return fmt.Sprintf("credential: too many passwords are being checked; try again in %v", e.RetryAfter)
}

// Config makes a Pool.
type Config struct {
	Params  Params
	Stored  []string              // specimens of the forms in the store, older and foreign ones; D is above the slowest
	Workers int                   // 0 means one per core
	Kernel  Kernel                // nil means Argon2id
	Cost    time.Duration         // of one hash while all workers hash; 0 means that it is measured
	Metrics prometheus.Registerer // required
}

// Pool computes password hashes on a fixed number of workers, so that any number of callers get the throughput of the
// cores and no more memory than Workers × MemoryKiB; as long as foreign forms are stored, × theirs, 256 MiB at most.
//
// Each lane has as many slots as it can finish in time, and workers take from the lanes in turn. So a flood in one lane
// takes its own half: callers in the other find slots free and their turn within the deadline. While a lane is idle the
// other has all workers.
//
// Timers are the standard library's, not an injected clock: tests run in a testing/synctest bubble.
type Pool struct {
	hasher   Hasher
	size     int          // workers
	deadline atomic.Int64 // D; it only grows
	lanes    [laneCount]*lane
	turns    atomic.Uint64 // counts the workers' takings; odd and even ones prefer different lanes
	metrics  *metrics

	stop    chan struct{} // closed by Close: workers end after the hash they are at
	drained chan struct{} // closed when the last worker has ended
	closing sync.Once
	workers sync.WaitGroup
}

// lane is one of the two queues. A ticket holds a slot from Begin until its hash is done, and a queue holds at most
// one job per ticket, so sending to it never blocks.
type lane struct {
	name  Lane
	slots chan struct{}
	queue chan *job
}

// NewPool measures the hash, unless Cost says what it takes, and starts the workers. They end at Close.
func NewPool(c Config) (*Pool, error) {
	if c.Kernel == nil {
		c.Kernel = Argon2id
	}
	if c.Workers <= 0 {
		c.Workers = runtime.GOMAXPROCS(0)
	}
	hasher, err := newHasher(c.Params, c.Kernel)
	if err != nil {
		return nil, err
	}
	if c.Cost <= 0 {
		if c.Cost, err = calibrate(hasher, c.Workers, c.Stored); err != nil {
			return nil, err
		}
	}
	p := &Pool{
		hasher:  hasher,
		size:    c.Workers,
		stop:    make(chan struct{}),
		drained: make(chan struct{}),
	}
	p.deadline.Store(int64(deadlineFactor * c.Cost))
	for name := range p.lanes {
		slots := slotsPerLane(c.Workers)
		p.lanes[name] = &lane{name: Lane(name), slots: make(chan struct{}, slots), queue: make(chan *job, slots)}
	}
	if p.metrics, err = newMetrics(c.Metrics, p, c.Workers); err != nil {
		return nil, fmt.Errorf("credential: metrics: %w", err)
	}
	for range c.Workers {
		p.workers.Go(p.work)
	}
	return p, nil
}

// slotsPerLane is how many hashes of one lane may be under way: three for two workers. A lane gets every second turn, so
// its last caller has at most three jobs a worker up to and with its own, beside the ones that the workers are at: three
// hashes' time and what is left of a fourth. In a steady flood of both lanes it is three, and the rest of D is for what
// a flow does around the hash.
func slotsPerLane(workers int) int { return max(1, workers*(deadlineFactor-1)/2) }

// Deadline is D: when, after Begin, a failure answers.
func (p *Pool) Deadline() time.Duration { return time.Duration(p.deadline.Load()) }

// Expect tells the pool of forms that are about to be stored, by their specimens, and raises D above the slowest of
// them. An import calls it before its first user is stored, so that none is told from others by the time of a failure. It
// takes the time of some hashes of each specimen on every core.
func (p *Pool) Expect(specimens []string) error {
	cost, err := calibrate(p.hasher, p.size, specimens)
	if err != nil {
		return err
	}
	raised := int64(deadlineFactor * cost)
	for now := p.deadline.Load(); raised > now; now = p.deadline.Load() {
		if p.deadline.CompareAndSwap(now, raised) {
			break
		}
	}
	return nil
}

// Crowded reports whether more than half of a lane's slots are taken. Past that, strangers have to solve a challenge
// before they are given a ticket.
func (p *Pool) Crowded(l Lane) bool {
	slots := p.lanes[l].slots
	return 2*len(slots) > cap(slots)
}

// Begin admits a caller whose hash would finish by the deadline, and starts that caller's clock. To all others it
// answers with a *BusyError, at once and before anything about them is looked up. Every ticket must be released:
//
//	ticket, err := pool.Begin(lane)
//	if err != nil { … }
//	defer ticket.Release()
func (p *Pool) Begin(l Lane) (*Ticket, error) {
	select {
	case <-p.stop:
		return nil, ErrClosed
	default:
	}
	lane := p.lanes[l]
	select {
	case lane.slots <- struct{}{}:
		return &Ticket{pool: p, lane: lane, began: time.Now()}, nil
	default:
		p.metrics.refused(l)
		return nil, &BusyError{RetryAfter: p.Deadline()}
	}
}

// Close admits no more callers and returns when the hashes being computed are done. Jobs still queued answer
// ErrClosed. It may be called more than once.
func (p *Pool) Close() {
	p.closing.Do(func() {
		close(p.stop)
		p.workers.Wait()
		close(p.drained)
	})
	<-p.drained
}
