package verify

import (
	"sync"
	"time"
)

// revokedSet holds the sessions that were revoked, each until none of its tokens can be alive.
//
// It is bounded. When it is full of sessions that can't be forgotten yet, a further revocation can't be kept, and from
// then until that one could be forgotten the set is incomplete: the feed then counts as stale, and authn is asked.
type revokedSet struct {
	limit int

	mu         sync.RWMutex
	until      map[string]time.Time
	incomplete time.Time // until when something is missing
}

func newRevokedSet(limit int) *revokedSet {
	return &revokedSet{limit: limit, until: map[string]time.Time{}}
}

func (s *revokedSet) has(sessionID string) bool {
	s.mu.RLock()
	_, revoked := s.until[sessionID]
	s.mu.RUnlock()
	return revoked
}

// add keeps a revocation until the given time. A repeat, as after a reconnect, may only lengthen it.
func (s *revokedSet) add(sessionID string, until, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, known := s.until[sessionID]
	if !known && len(s.until) >= s.limit {
		s.forget(now)
	}
	if !known && len(s.until) >= s.limit {
		if until.After(s.incomplete) {
			s.incomplete = until
		}
		return
	}
	if until.After(kept) {
		s.until[sessionID] = until
	}
}

// sweep forgets what has had its time.
func (s *revokedSet) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
}

func (s *revokedSet) forget(now time.Time) {
	for sessionID, until := range s.until {
		if !now.Before(until) {
			delete(s.until, sessionID)
		}
	}
}

// isComplete is false while a revocation may be missing because the set was full.
func (s *revokedSet) isComplete(now time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !now.Before(s.incomplete)
}

func (s *revokedSet) len() int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return len(s.until)
}
