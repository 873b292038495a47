package access

import (
	"net/netip"
	"sync"
	"time"
)

// Limit is how often one caller may call one method. The zero Limit is unset,
// and a row that has it refuses: no method is unlimited because somebody forgot.
type Limit struct {
	state     limitState
	perSecond int
	burst     int
}

type limitState uint8

const (
	limitUnset limitState = iota
	limitNone
	limitRate
)

// NoLimit says that the method needs none: the caller is trusted to pace itself,
// or the use case counts for itself.
func NoLimit() Limit { return Limit{state: limitNone} }

// PerSecond allows n calls a second for each caller, and a burst of n. Fewer than
// one is no limit that can be kept, and stays unset.
func PerSecond(n int) Limit {
	if n < 1 {
		return Limit{}
	}
	return Limit{state: limitRate, perSecond: n, burst: n}
}

// Burst allows n calls at once before the rate holds.
func (l Limit) Burst(n int) Limit {
	if l.state != limitRate || n < 1 {
		return Limit{}
	}
	l.burst = n
	return l
}

// limiter holds the pace of each (method, caller), in the form known as the
// generic cell rate algorithm: one time per bucket, the moment at which it would
// be full again. A bucket whose moment has passed is the same as none, so it can
// be forgotten at any time.
//
// It lives in memory: limits hold per replica and start afresh with the process.
type limiter struct {
	now        func() time.Time
	maxBuckets int

	mu        sync.Mutex
	full      map[bucketKey]time.Time
	lastSweep time.Time
}

type bucketKey struct {
	method string
	caller string
}

// sweepEvery keeps a flood of new callers from making each call walk the whole map.
const sweepEvery = time.Second

// crowd is the caller whose bucket is shared by those for whom there is no room:
// with the map full of busy callers, strangers get one pace together.
const crowd = "crowd"

func newLimiter(maxBuckets int, now func() time.Time) *limiter {
	return &limiter{now: now, maxBuckets: maxBuckets, full: make(map[bucketKey]time.Time)}
}

// allow takes one call out of the bucket, or says how long to wait.
func (l *limiter) allow(method string, p Principal, limit Limit) (wait time.Duration, ok bool) {
	interval := time.Second / time.Duration(limit.perSecond)
	tolerance := interval * time.Duration(limit.burst-1)

	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	key := l.bucketFor(method, p, now)
	full := l.full[key]
	if full.Before(now) {
		full = now
	}
	if wait := full.Sub(now) - tolerance; wait > 0 {
		return wait, false
	}
	l.full[key] = full.Add(interval)
	return 0, true
}

func (l *limiter) bucketFor(method string, p Principal, now time.Time) bucketKey {
	key := bucketKey{method: method, caller: callerKey(p)}
	if _, known := l.full[key]; known || len(l.full) < l.maxBuckets {
		return key
	}
	if now.Sub(l.lastSweep) >= sweepEvery {
		l.sweep(now)
	}
	if len(l.full) < l.maxBuckets {
		return key
	}
	// These few are beyond the bound: one for each method of the table.
	return bucketKey{method: method, caller: crowd}
}

func (l *limiter) sweep(now time.Time) {
	l.lastSweep = now
	for key, full := range l.full {
		if !full.After(now) {
			delete(l.full, key)
		}
	}
}

// callerKey is whom a bucket belongs to. Kinds are kept apart; a caller without
// credentials is its network, since one IPv6 host has a whole /64 of addresses. One
// with a certificate needs none where the public is admitted, and must not wait behind
// the strangers of its network: a balancer's checks come from where its clients do.
func callerKey(p Principal) string {
	switch {
	case p.Kind != Public:
		return p.Kind.String() + "/" + p.ID
	case p.Certificate != "":
		return Public.String() + "/certificate of " + p.Certificate
	}
	return Public.String() + "/" + Network(p.Peer)
}

// Network is what one host has for sure: an IPv4 address, or the /64 of an IPv6 one.
func Network(a netip.Addr) string {
	if a = a.Unmap().WithZone(""); !a.Is6() {
		return a.String()
	}
	return NetworkOf(a).String()
}

// NetworkOf is Network as something to count by, which costs no memory of its own.
func NetworkOf(a netip.Addr) netip.Prefix {
	a = a.Unmap().WithZone("")
	return netip.PrefixFrom(a, min(a.BitLen(), 64)).Masked()
}
