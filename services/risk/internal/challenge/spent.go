package challenge

import (
	"sync"
	"time"
)

// spent remembers redeemed solutions until they would have expired, at most so many.
type spent struct {
	most int

	mu sync.Mutex
	// Two generations: what expires with the younger is forgotten with it, and so nothing is ever searched.
	young, old       map[string]time.Time
	youngest, oldest time.Time // the latest expiry of each
}

func newSpent(most int) *spent {
	return &spent{most: most, young: map[string]time.Time{}, old: map[string]time.Time{}}
}

// spend remembers a solution, or says that it can't be taken.
func (s *spent) spend(signature string, expires, now time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if s.has(signature) {
		return ErrSpent
	}
	if len(s.young)+len(s.old) >= s.most {
		return ErrFull
	}
	s.young[signature] = expires
	if expires.After(s.youngest) {
		s.youngest = expires
	}
	return nil
}

func (s *spent) has(signature string) bool {
	_, young := s.young[signature]
	_, old := s.old[signature]
	return young || old
}

// forget lets the old generation go when all of it has expired, and begins a new one.
func (s *spent) forget(now time.Time) {
	if now.Before(s.oldest) {
		return
	}
	s.old, s.oldest = s.young, s.youngest
	s.young, s.youngest = map[string]time.Time{}, time.Time{}
}
