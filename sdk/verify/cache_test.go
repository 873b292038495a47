package verify

import (
	"encoding/binary"
	"sync"
	"testing"
)

func numbered(n int) (key digest) {
	binary.BigEndian.PutUint64(key[:], uint64(n))
	return key
}

func TestCacheNeverHoldsMoreThanItsLimit(t *testing.T) {
	c := newCache(100)
	for n := range 10_000 {
		c.put(numbered(n), &checked{})
		if size := c.len(); size > 100 {
			t.Fatalf("%d entries", size)
		}
	}
}

func TestCacheKeepsWhatIsUsed(t *testing.T) {
	c := newCache(100)
	busy := c.put(numbered(0), &checked{})
	for n := 1; n < 10_000; n++ {
		c.put(numbered(n), &checked{})
		if found, ok := c.get(numbered(0)); !ok || found != busy {
			t.Fatalf("lost after %d others", n)
		}
	}
	if _, ok := c.get(numbered(1)); ok {
		t.Error("what nobody asks for is still there")
	}
}

func TestCacheGivesEverybodyTheSameEntry(t *testing.T) {
	c := newCache(1000)
	entries := make([]*checked, 64)
	var race sync.WaitGroup
	for i := range entries {
		race.Go(func() { entries[i] = c.put(numbered(1), &checked{}) })
	}
	race.Wait()
	for _, entry := range entries {
		if entry != entries[0] {
			t.Fatal("two entries for one token")
		}
	}
}
