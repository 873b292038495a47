package verify

import (
	"sync"
	"time"
)

// revokedSet holds the sessions that were revoked, each until none of its tokens can be alive.
//
// It is bounded. When it is full of sessions that can't be forgotten yet, a further revocation can't be kept, and from
// then until that one could be forgotten the set is incomplete: the feed then counts as stale, and authn is asked.
//
// It also holds the sessions on which the feed has something that can't be believed. On those authn is asked, whatever the feed's age.
type revokedSet struct {
	limit int

	mu         sync.RWMutex
	noted      map[string]note
	incomplete time.Time // until when something is missing
}

// note is what is known of a session, and until when that matters.
type note struct {
	standing standing
	until    time.Time
}

// standing is what the feed says of a session.
type standing int

const (
	unmentioned standing = iota
	doubtful             // something that authn didn't write, where a revocation may have stood
	revoked
)

func newRevokedSet(limit int) *revokedSet {
	return &revokedSet{limit: limit, noted: map[string]note{}}
}

// of returns what is known of a session.
func (s *revokedSet) of(sessionID string) standing {
	s.mu.RLock()
	known := s.noted[sessionID].standing
	s.mu.RUnlock()
	return known
}

func (s *revokedSet) has(sessionID string) bool { return s.of(sessionID) == revoked }

// add keeps a revocation until the given time. A repeat, as after a reconnect, may only lengthen it.
func (s *revokedSet) add(sessionID string, until, now time.Time) {
	s.note(sessionID, note{revoked, until}, now)
}

// doubt keeps a doubt until the given time. It takes nothing from a revocation.
func (s *revokedSet) doubt(sessionID string, until, now time.Time) {
	s.note(sessionID, note{doubtful, until}, now)
}

func (s *revokedSet) note(sessionID string, told note, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	kept, known := s.noted[sessionID]
	if !known && len(s.noted) >= s.limit {
		s.forget(now)
	}
	if !known && len(s.noted) >= s.limit {
		if told.until.After(s.incomplete) {
			s.incomplete = told.until
		}
		return
	}
	if told.standing > kept.standing || told.standing == kept.standing && told.until.After(kept.until) {
		s.noted[sessionID] = told
	}
}

// sweep forgets what has had its time.
func (s *revokedSet) sweep(now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
}

func (s *revokedSet) forget(now time.Time) {
	for sessionID, note := range s.noted {
		if !now.Before(note.until) {
			delete(s.noted, sessionID)
		}
	}
}

// isComplete is false while a revocation may be missing because the set was full.
func (s *revokedSet) isComplete(now time.Time) bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return !now.Before(s.incomplete)
}

// count is how many sessions have the standing. It looks at all of them, which nobody asks for often.
func (s *revokedSet) count(of standing) int {
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, note := range s.noted {
		if note.standing == of {
			n++
		}
	}
	return n
}
