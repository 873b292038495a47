// Package pace says how soon somebody may do something again, for any number of somebodies in a fixed amount of memory.
//
// It is the generic cell rate algorithm (ITU-T I.371): for each key one moment, at which all that it has used would be free again. It keeps nothing on
// disk: limits hold per process, and start afresh with it. What must outlive that is counted in a store.
//
// Keys are hashed under a seed of the process, and looked for in one set of eight places. Where a new key finds its set full, it takes the place that is
// free soonest: whoever is at a limit stays known, and a flood of new keys pushes out those that used least. So a flood costs some of them a little of
// what they had used, and never memory; and nobody can choose whom it pushes out.
//
// Called by flows that know what a key is; package access paces callers by method.
package pace

import (
	"errors"
	"fmt"
	"hash/maphash"
	"math"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

const (
	places   = 8  // in a set: with the lock, three cache lines
	minSlots = 64 // of a limiter
	slotSize = 16 // bytes
	maxSlots = 1 << 26
	// overtaken is longer than any call is held up between its look at the clock and its charge.
	overtaken = time.Minute
)

// DefaultSlots is how many keys a limiter remembers unless told otherwise: 16 MiB.
const DefaultSlots = 1 << 20

// Rate is how often something may be done: Uses within Per, evenly or all at once.
type Rate struct {
	Uses int
	Per  time.Duration
}

// Charge is one use by one key. A kind keeps keys of different meanings apart. A rate of no uses doesn't limit.
type Charge struct {
	Kind, Key string
	Rate      Rate
}

// Limiter remembers who has used how much. It is safe for concurrent use and starts no goroutine.
type Limiter struct {
	now    func() time.Time
	seed   maphash.Seed
	sets   []set
	pushed atomic.Uint64
}

type set struct {
	mu    sync.Mutex
	slots [places]slot
}

// slot is a key's moment, as nanoseconds since 1970. A moment that is past is as good as none.
type slot struct {
	key  uint64
	full int64
}

// New makes a limiter that remembers so many keys, or DefaultSlots for 0.
func New(slots int, now func() time.Time) (*Limiter, error) {
	if slots == 0 {
		slots = DefaultSlots
	}
	if slots < minSlots || slots > maxSlots || now == nil {
		return nil, errors.New("pace: a clock and 64 to 2^26 slots are needed")
	}
	return &Limiter{now: now, seed: maphash.MakeSeed(), sets: make([]set, (slots+places-1)/places)}, nil
}

// Size is about how much memory the limiter takes, in bytes.
func (l *Limiter) Size() int { return len(l.sets) * (places*slotSize + 8) }

// Pushed is how many keys were forgotten before their time, because others took their places.
func (l *Limiter) Pushed() uint64 { return l.pushed.Load() }

// Observe shows that number as doorward_pace_keys_pushed_total, under whatever labels the registerer gives it.
func (l *Limiter) Observe(r prometheus.Registerer) error {
	err := r.Register(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "doorward_pace_keys_pushed_total",
		Help: "Callers whose recent use was forgotten before its time, because others took their places.",
	}, func() float64 { return float64(l.Pushed()) }))
	if err != nil {
		return fmt.Errorf("pace: register metric: %w", err)
	}
	return nil
}

// Take charges one use to each of several keys, or to none of them: then it says after how long all would take it.
func (l *Limiter) Take(charges ...Charge) (retryIn time.Duration, ok bool) {
	now := l.now().UnixNano()
	for i := range charges {
		wait := l.take(&charges[i], now)
		if wait <= 0 {
			continue
		}
		for j := range i {
			l.giveBack(&charges[j])
		}
		return wait, false
	}
	return 0, true
}

// take charges one key, or says how long it has to wait.
func (l *Limiter) take(c *Charge, now int64) time.Duration {
	if c.Rate.Uses <= 0 {
		return 0
	}
	interval := c.Rate.interval()
	tolerance := interval * int64(c.Rate.Uses-1)
	key := l.hash(c)
	s := l.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	at, pushes := s.place(key, now)
	full := now
	if at.key == key {
		at.full = believable(at.full, now, tolerance, interval)
		full = max(now, at.full)
	}
	if wait := full - now - tolerance; wait > 0 {
		return time.Duration(wait)
	}
	if pushes {
		l.pushed.Add(1)
	}
	*at = slot{key, full + interval}
	return 0
}

// believable is a key's moment, as it can be. Further off than all uses at once would be is one from before the clock was set back, or one of a caller who read
// the clock later and came here first. The latter leaves no use; after the former nobody knows what was used, and one is left: an application that has
// thousands a second mustn't be refused for it.
func believable(full, now, tolerance, interval int64) int64 {
	if full > now+tolerance+interval+int64(overtaken) {
		return now + tolerance
	}
	return min(full, now+tolerance+interval)
}

// giveBack takes a charge back that was just made.
func (l *Limiter) giveBack(c *Charge) {
	if c.Rate.Uses <= 0 {
		return
	}
	key := l.hash(c)
	s := l.set(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.slots {
		if s.slots[i].key == key {
			s.slots[i].full -= c.Rate.interval()
			return
		}
	}
}

// place is the key's place, or the one that it may take: of all the one that is free soonest. It pushes when somebody is still remembered there.
func (s *set) place(key uint64, now int64) (at *slot, pushes bool) {
	soonest := &s.slots[0]
	for i := range s.slots {
		if s.slots[i].key == key {
			return &s.slots[i], false
		}
		if s.slots[i].full < soonest.full {
			soonest = &s.slots[i]
		}
	}
	return soonest, soonest.full > now
}

func (r Rate) interval() int64 { return max(1, int64(r.Per)/int64(r.Uses)) }

func (l *Limiter) set(key uint64) *set { return &l.sets[key%uint64(len(l.sets))] }

// hash is never 0, which is nobody's.
func (l *Limiter) hash(c *Charge) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(c.Kind)
	_ = h.WriteByte(math.MaxUint8) // no UTF-8 text has it
	_, _ = h.WriteString(c.Key)
	return max(1, h.Sum64())
}
