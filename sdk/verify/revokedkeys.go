package verify

import "slices"

// maxRevokedKeys bounds the revoked keys that are remembered: four whole key sets. Only authn can revoke one.
const maxRevokedKeys = 4 * maxKeys

// errKeyRevoked refuses what a revoked key signed, the genuine as well as what a thief signed with it: nobody can tell them apart. Whoever
// holds a genuine one is to refresh it.
var errKeyRevoked = &fault{refusal: ErrTokenExpired, cause: "signed by a revoked key"}

// revokedKeys remembers the ids of revoked keys, oldest first, so that a key set that was asked for before can't bring one back. When it is
// full the oldest gives way: no key set of today has that key.
type revokedKeys []string

func (r revokedKeys) has(id string) bool { return slices.Contains(r, id) }

// add remembers an id. False says that it was known.
func (r *revokedKeys) add(id string) bool {
	if r.has(id) {
		return false
	}
	if len(*r) >= maxRevokedKeys {
		*r = slices.Delete(*r, 0, 1)
	}
	*r = append(*r, id)
	return true
}

// revoke drops a key, for good and at once, and has run fetch the keys anew. False says that it was dropped before, as when the feed is read
// again.
func (k *keyring) revoke(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.revoked.add(id) {
		return false
	}
	if set := k.current.Load(); set != nil {
		k.current.Store(set.without(id))
	}
	k.owed = true
	select {
	case k.wake <- struct{}{}:
	default: // it is awake already
	}
	return true
}

// doubt has run fetch the keys anew, once in refetchPause: the feed may no longer say which of them is revoked, and authn doesn't list such a key.
func (k *keyring) doubt() {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.now()
	if !k.doubted.IsZero() && now.Sub(k.doubted) < refetchPause {
		return
	}
	k.doubted = now
	select {
	case k.wake <- struct{}{}:
	default: // it is awake already
	}
}

func (k *keyring) isRevoked(id string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.revoked.has(id)
}

func (k *keyring) revocations() int {
	k.mu.Lock()
	defer k.mu.Unlock()
	return len(k.revoked)
}
