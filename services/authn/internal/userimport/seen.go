package userimport

import (
	"crypto/sha256"
	"fmt"
)

// seen remembers whom a file had, by digests: an import holds no list of everybody's addresses.
type seen struct {
	emails, externalIDs map[[16]byte]int32 // the lines
}

func newSeen() seen {
	return seen{emails: make(map[[16]byte]int32), externalIDs: make(map[[16]byte]int32)}
}

// find says in which earlier line a user was.
func (s seen) find(u User) []Problem {
	var problems []Problem
	if line, found := s.emails[digest(u.Canonical)]; found {
		problems = append(problems, Problem{Field: "email", Text: fmt.Sprintf("is that of line %d too", line)})
	}
	if line, found := s.externalIDs[digest(u.ExternalID)]; found && u.ExternalID != "" {
		problems = append(problems, Problem{Field: "external_id", Text: fmt.Sprintf("is that of line %d too", line)})
	}
	return problems
}

func (s seen) add(u User) {
	s.emails[digest(u.Canonical)] = int32(u.Line)
	if u.ExternalID != "" {
		s.externalIDs[digest(u.ExternalID)] = int32(u.Line)
	}
}

func digest(text string) [16]byte {
	sum := sha256.Sum256([]byte(text))
	return [16]byte(sum[:])
}
