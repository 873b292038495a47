package token

import (
	"sync"

	"github.com/doorward/doorward/internal/secret"
)

// maxChecked bounds the tokens that a keyring remembers: half a kilobyte each.
const maxChecked = 16384

// checked is tokens whose signature and claims were found good, by their digests: the tokens themselves aren't kept. What changes with time, their life, is looked at each time. A token that
// finds no room takes another's.
type checked struct {
	mu     sync.RWMutex
	claims map[secret.Digest]Claims
}

func newChecked() *checked { return &checked{claims: make(map[secret.Digest]Claims)} }

func (c *checked) get(d secret.Digest) (Claims, bool) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	claims, ok := c.claims[d]
	return claims, ok
}

func (c *checked) put(d secret.Digest, claims Claims) {
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
