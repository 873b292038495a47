package history

import (
	"container/list"
	"time"
)

// slots is how finely a window slides: a failure counts for at least the window and at most a tenth longer.
const slots = 10

// ring counts by slot of time. Slots are numbered from the epoch; the ring holds the newest and the slots before it.
type ring struct {
	newest int64
	counts [slots + 1]uint32
}

func (r *ring) at(slot int64) *uint32 { return &r.counts[slot%int64(len(r.counts))] }

// slide moves the ring on to a slot and forgets what falls out. Time that goes backwards doesn't move it.
func (r *ring) slide(slot int64) {
	if slot-r.newest >= int64(len(r.counts)) {
		*r = ring{newest: slot}
		return
	}
	for r.newest < slot {
		r.newest++
		*r.at(r.newest) = 0
	}
}

func (r *ring) holds(slot int64) bool {
	return slot <= r.newest && r.newest-slot < int64(len(r.counts))
}

func (r *ring) sum() int {
	var n int
	for _, c := range r.counts {
		n += int(c)
	}
	return n
}

// table counts per key, in bounded memory. Rows are listed by when they last counted something, newest first.
type table[K comparable] struct {
	limit   int
	rows    map[K]*list.Element // of *row[K]
	order   *list.List
	evicted uint64
}

type row[K comparable] struct {
	key  K
	ring ring
}

func newTable[K comparable](limit int) *table[K] {
	return &table[K]{limit: limit, rows: map[K]*list.Element{}, order: list.New()}
}

// count is a key's sum in the window that ends now.
func (t *table[K]) count(key K, now int64) int {
	e, ok := t.rows[key]
	if !ok {
		return 0
	}
	r := e.Value.(*row[K])
	r.ring.slide(now)
	return r.ring.sum()
}

// add counts one in a slot, no later than now, and returns the key's row. What is already out of the window isn't counted.
func (t *table[K]) add(key K, slot, now int64) *row[K] {
	t.sweep(now)
	e, ok := t.rows[key]
	if !ok {
		if len(t.rows) >= t.limit {
			t.evict(now)
		}
		e = t.order.PushFront(&row[K]{key: key, ring: ring{newest: now}})
		t.rows[key] = e
	}
	r := e.Value.(*row[K])
	r.ring.slide(now)
	if r.ring.holds(slot) {
		*r.ring.at(slot)++
	}
	t.order.MoveToFront(e)
	return r
}

// remove takes back one that was counted in a slot; nothing if it has left the window. It works on the row itself, so that
// after an eviction it can't take from the row that has succeeded it.
func (r *row[K]) remove(slot, now int64) {
	r.ring.slide(now)
	if r.ring.holds(slot) && *r.ring.at(slot) > 0 {
		*r.ring.at(slot)--
	}
}

// sweep drops up to two rows that have run out: more than one call adds, so the table shrinks to what is live.
func (t *table[K]) sweep(now int64) {
	for range 2 {
		e := t.order.Back()
		if e == nil || t.count(e.Value.(*row[K]).key, now) > 0 {
			return
		}
		t.drop(e)
	}
}

// evict makes room: of the rows that have been quiet for longest it drops the one with the lowest count, so that a flood
// of new keys pushes out its own kind before an address that has failed often.
func (t *table[K]) evict(now int64) {
	const candidates = 8
	var lowest *list.Element
	fewest := 0
	for e, i := t.order.Back(), 0; e != nil && i < candidates; e, i = e.Prev(), i+1 {
		if n := t.count(e.Value.(*row[K]).key, now); lowest == nil || n < fewest {
			lowest, fewest = e, n
		}
	}
	if lowest != nil {
		t.drop(lowest)
		t.evicted++
	}
}

func (t *table[K]) drop(e *list.Element) {
	delete(t.rows, e.Value.(*row[K]).key)
	t.order.Remove(e)
}

// slotOf numbers the slot of a time.
func slotOf(at time.Time, length time.Duration) int64 {
	return at.UnixNano() / int64(length)
}
