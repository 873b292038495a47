package boltdb

import (
	"hash/maphash"
	"sync"

	bolt "go.etcd.io/bbolt"
)

// Cached is a Table whose decoded records stay in memory, for records that are read
// far more often than they are written: reading one costs a copy instead of a
// search and a decoder. What it answers is what the table would answer, always:
//
//   - Whoever writes a record takes it out of memory first, inside the write
//     transaction. A read transaction that sees the commit began after that.
//   - A read transaction that began before the commit may come back with the old
//     record afterwards. It isn't kept: each slot of keys knows the last
//     transaction that wrote to it, and what an earlier one read is refused.
//   - What a later transaction read isn't given to an earlier one.
//
// So all writes must go through it: a store that has a Cached has no Table of the
// same bucket beside it. Write transactions read the table itself, their own writes
// included. The memory is bounded; a record that finds no room takes another's.
type Cached[T any] struct {
	table  Table[T]
	clone  func(T) T
	seed   maphash.Seed
	shards [cachedShards]cachedShard[T]
}

const (
	cachedShards = 64
	// cachedSlots are a shard's. Keys that share one only cost each other a look into the file.
	cachedSlots = 64
)

type cachedShard[T any] struct {
	mu      sync.RWMutex
	limit   int
	records map[string]cachedRecord[T]
	// written is the last transaction that wrote to each slot, finished or not.
	written [cachedSlots]int
}

// cachedRecord is a record and the earliest transaction known to see it.
type cachedRecord[T any] struct {
	value T
	seen  int
}

// NewCached keeps at most about size records of the table. clone copies a record so
// that the copy shares no memory with it: what a Get returns is its caller's own.
func NewCached[T any](table Table[T], size int, clone func(T) T) *Cached[T] {
	c := &Cached[T]{table: table, clone: clone, seed: maphash.MakeSeed()}
	for i := range c.shards {
		c.shards[i].limit = max(1, size/cachedShards)
		c.shards[i].records = make(map[string]cachedRecord[T])
	}
	return c
}

// Name is the bucket's.
func (c *Cached[T]) Name() string { return c.table.Bucket }

// Get returns the record with this key as tx sees it, and whether there is one.
func (c *Cached[T]) Get(tx *bolt.Tx, key string) (value T, found bool, err error) {
	if tx.Writable() {
		return c.table.Get(tx, key)
	}
	shard, slot := c.place(key)
	if record, ok := shard.get(key); ok && record.seen <= tx.ID() {
		return c.clone(record.value), true, nil
	}
	value, found, err = c.table.Get(tx, key)
	if err != nil || !found {
		return value, found, err
	}
	shard.keep(key, slot, cachedRecord[T]{value: c.clone(value), seen: tx.ID()})
	return value, true, nil
}

// Put stores the record under the key, in place of what was there.
func (c *Cached[T]) Put(tx *bolt.Tx, key string, value T) error {
	c.forget(tx, key)
	return c.table.Put(tx, key, value)
}

// Delete removes the record; a missing one is no error.
func (c *Cached[T]) Delete(tx *bolt.Tx, key string) error {
	c.forget(tx, key)
	return c.table.Delete(tx, key)
}

// Scan returns the records of the range, from the table itself.
func (c *Cached[T]) Scan(tx *bolt.Tx, r Range) ([]Item[T], error) { return c.table.Scan(tx, r) }

func (c *Cached[T]) forget(tx *bolt.Tx, key string) {
	shard, slot := c.place(key)
	shard.mu.Lock()
	defer shard.mu.Unlock()
	shard.written[slot] = tx.ID()
	delete(shard.records, key)
}

func (c *Cached[T]) place(key string) (shard *cachedShard[T], slot int) {
	hash := maphash.String(c.seed, key)
	return &c.shards[hash%cachedShards], int(hash / cachedShards % cachedSlots)
}

func (s *cachedShard[T]) get(key string) (cachedRecord[T], bool) {
	s.mu.RLock()
	defer s.mu.RUnlock()
	record, ok := s.records[key]
	return record, ok
}

func (s *cachedShard[T]) keep(key string, slot int, record cachedRecord[T]) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written[slot] > record.seen {
		return
	}
	if _, known := s.records[key]; !known && len(s.records) >= s.limit {
		for other := range s.records { // whichever comes first
			delete(s.records, other)
			break
		}
	}
	s.records[key] = record
}
