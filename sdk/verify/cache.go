package verify

import (
	"crypto/sha256"
	"sync"
	"sync/atomic"
)

// digest stands for a token: the tokens themselves aren't kept.
type digest [sha256.Size]byte

// digestOf copies a token of usual size to the stack, because a conversion to bytes would allocate on every call.
func digestOf(token string) digest {
	var usual [1024]byte
	if len(token) > len(usual) {
		return sha256.Sum256([]byte(token))
	}
	return sha256.Sum256(usual[:copy(usual[:], token)])
}

// checked is a token that passed every check but those that change: its end and its session's revocation.
type checked struct {
	session Session
	// asking is held while authn is asked about the session, so that the calls of one session ask once.
	asking sync.Mutex
	// confirmed is when authn last said that the session is alive, in nanoseconds of the verifier's clock; 0 is never.
	confirmed atomic.Int64
}

// cache remembers checked tokens in two generations. A new or found one goes into the young one; when that is full, it
// becomes the old one and the old one is dropped. So what is used stays, and never more than the limit is kept.
type cache struct {
	mu         sync.RWMutex
	young, old map[digest]*checked
	half       int

	hits, misses atomic.Uint64
}

func newCache(limit int) *cache {
	return &cache{young: map[digest]*checked{}, old: map[digest]*checked{}, half: max(limit/2, 1)}
}

func (c *cache) get(key digest) (*checked, bool) {
	c.mu.RLock()
	entry, young := c.young[key]
	if !young {
		entry = c.old[key]
	}
	c.mu.RUnlock()
	if entry == nil {
		c.misses.Add(1)
		return nil, false
	}
	c.hits.Add(1)
	if !young {
		c.put(key, entry)
	}
	return entry, true
}

// put keeps an entry and returns the one that is kept: when two calls checked the same token, the first.
func (c *cache) put(key digest, entry *checked) *checked {
	c.mu.Lock()
	defer c.mu.Unlock()
	if present, ok := c.young[key]; ok {
		return present
	}
	if len(c.young) >= c.half {
		clear(c.old)
		c.young, c.old = c.old, c.young
	}
	c.young[key] = entry
	return entry
}

func (c *cache) len() int {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return len(c.young) + len(c.old)
}
