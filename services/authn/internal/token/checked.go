package token

import (
	"crypto/sha256"
	"sync"
)

// maxChecked bounds the tokens that a keyring remembers: half a kilobyte each.
const maxChecked = 16384

// digest stands for a token: the tokens themselves aren't kept.
type digest [sha256.Size]byte

// digestOf copies a token of usual size to the stack, because a conversion to bytes would allocate on every call.
func digestOf(text string) digest {
	var usual [1024]byte
	if len(text) > len(usual) {
		return sha256.Sum256([]byte(text))
	}
	return sha256.Sum256(usual[:copy(usual[:], text)])
}

// checked is tokens whose signature and claims were found good. What changes with time, their life, is looked at each time. A token that
// finds no room takes another's.
type checked struct {
	mu     sync.RWMutex
	claims map[digest]Claims
}

func newChecked() *checked { return &checked{claims: make(map[digest]Claims)} }

func (c *checked) get(d digest) (Claims, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	claims, ok := c.claims[d]
	return claims, ok
}

func (c *checked) put(d digest, claims Claims) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if _, known := c.claims[d]; !known && len(c.claims) >= maxChecked {
		for other := range c.claims { // whichever comes first
			delete(c.claims, other)
			break
		}
	}
	c.claims[d] = claims
}
