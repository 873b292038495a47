package challenge

import (
	"encoding/hex"
	"sync"
	"time"
)

// mark is by what a redeemed solution is known: half of its challenge's signature, which is a MAC of ours.
type mark [16]byte

// markOf reads a signature that was found to be ours, and so is hex.
func markOf(signature string) (m mark) {
	bytes, err := hex.DecodeString(signature)
	if err != nil {
		return mark{} // all such would be one, and taken once
	}
	copy(m[:], bytes)
	return m
}

// spent remembers redeemed solutions until they would have expired, at most so many.
type spent struct {
	most int

	mu sync.Mutex
	// Two generations: what expires with the younger is forgotten with it, and so nothing is ever searched.
	young, old       map[mark]struct{}
	youngest, oldest time.Time // the latest expiry of each
}

func newSpent(most int) *spent {
	return &spent{most: most, young: map[mark]struct{}{}, old: map[mark]struct{}{}}
}

// spend remembers a solution, or says that it can't be taken.
func (s *spent) spend(signature string, expires, now time.Time) error {
	m := markOf(signature)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(now)
	if s.has(m) {
		return ErrSpent
	}
	if len(s.young)+len(s.old) >= s.most {
		return ErrFull
	}
	s.young[m] = struct{}{}
	if expires.After(s.youngest) {
		s.youngest = expires
	}
	return nil
}

func (s *spent) size() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.young) + len(s.old)
}

func (s *spent) has(m mark) bool {
	_, young := s.young[m]
	_, old := s.old[m]
	return young || old
}

// forget lets the old generation go when all of it has expired, and begins a new one.
func (s *spent) forget(now time.Time) {
	if now.Before(s.oldest) {
		return
	}
	s.old, s.oldest = s.young, s.youngest
	s.young, s.youngest = map[mark]struct{}{}, time.Time{}
}
