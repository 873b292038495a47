package userimport

import (
	"errors"

	"github.com/doorward/doorward/services/authn/internal/credential/foreign"
)

// Reason is why a row is refused.
type Reason string

// The reasons. A row by itself has the first four; the others are found beside the accounts that are there.
const (
	FieldInvalid    Reason = "field_invalid"
	HashUnknown     Reason = "hash_unknown"
	HashMalformed   Reason = "hash_malformed"
	HashTooCostly   Reason = "hash_too_costly"
	EmailTaken      Reason = "email_taken"
	ExternalIDTaken Reason = "external_id_taken"
	Differs         Reason = "differs"
)

// Reasons are all that there are.
func Reasons() []Reason {
	return []Reason{FieldInvalid, HashUnknown, HashMalformed, HashTooCostly, EmailTaken, ExternalIDTaken, Differs}
}

// Problem is one reason to refuse a row. Field is what it is about, and Text what is wrong, for people.
type Problem struct {
	Reason      Reason
	Field, Text string
}

// hashProblem is why a password's form can't be taken. Those errors name bounds and hold nothing of the form.
func hashProblem(err error) Problem {
	reason := HashUnknown
	switch {
	case errors.Is(err, foreign.ErrTooCostly):
		reason = HashTooCostly
	case errors.Is(err, foreign.ErrMalformed):
		reason = HashMalformed
	}
	return Problem{Reason: reason, Field: "password_hash", Text: "can't be taken: " + err.Error()}
}
