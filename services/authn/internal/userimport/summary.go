package userimport

import (
	"fmt"
	"maps"

	"github.com/doorward/doorward/services/authn/internal/credential"
)

// Summary is what a file has, as far as it was read.
type Summary struct {
	// Users and Refused are lines.
	Users, Refused int
	// Kinds is how many passwords of each kind there are.
	Kinds map[string]int
	// Specimens has one stored form of each cost, with how many users have that: for the hash pool's Expect.
	Specimens map[string]int
	// MemoryKiB is the most that a worker of the pool needs for one of them.
	MemoryKiB int
}

func (s *Summary) clone() Summary {
	c := *s
	c.Kinds, c.Specimens = maps.Clone(s.Kinds), maps.Clone(s.Specimens)
	return c
}

// count counts a password form, unless it is of one cost too many.
func (s *Summary) count(stored credential.PHC) (Problem, bool) {
	if stored.IsZero() {
		return Problem{}, true
	}
	form, err := credential.Inspect(stored)
	if err != nil {
		return Problem{Field: "password_hash", Text: "can't be taken: " + err.Error()}, false
	}
	if _, known := s.Specimens[form.Specimen]; !known && len(s.Specimens) == MaxCosts {
		return Problem{Field: "password_hash", Text: fmt.Sprintf("is of one more cost than the %d that a file may have", MaxCosts)}, false
	}
	if s.Specimens == nil {
		s.Kinds, s.Specimens = make(map[string]int), make(map[string]int)
	}
	s.Kinds[form.Kind]++
	s.Specimens[form.Specimen]++
	s.MemoryKiB = max(s.MemoryKiB, form.MemoryKiB)
	return Problem{}, true
}
