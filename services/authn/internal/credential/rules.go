package credential

import (
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/doorward/doorward/internal/secret"
)

const (
	// MinLength is the least, in code points, that any policy may ask for.
	MinLength = 8
	// MaxLength is the most, in code points, that any policy may take.
	MaxLength = 256
	// DefaultMinLength is NIST's for a password that is the only factor.
	DefaultMinLength = 15

	// maxBytes bounds the work of normalising; no password of MaxLength code points is longer.
	maxBytes = MaxLength * utf8.UTFMax
)

// Problem is a rule that a new password breaks.
type Problem int

const (
	// TooShort is fewer code points than the policy asks for.
	TooShort Problem = iota + 1
	// TooLong is more code points than the policy takes.
	TooLong
	// NotText is no valid UTF-8.
	NotText
)

func (p Problem) String() string {
	switch p {
	case TooShort:
		return "too_short"
	case TooLong:
		return "too_long"
	case NotText:
		return "not_text"
	default:
		return "unknown"
	}
}

// CheckRules returns what is wrong with a new password under a policy's bounds in code points. A policy may be
// stricter than MinLength and MaxLength, never laxer; 0 stands for the outer bound. There are no rules of composition
// (NIST SP 800-63B-4, 3.1.1.2: "SHALL NOT impose").
func CheckRules(password secret.Text, minLength, maxLength int) []Problem {
	input, problem := prepare(password)
	if problem != 0 {
		return []Problem{problem}
	}
	minLength = max(minLength, MinLength)
	if maxLength <= 0 || maxLength > MaxLength {
		maxLength = MaxLength
	}
	var problems []Problem
	length := utf8.RuneCount(input)
	if length < minLength {
		problems = append(problems, TooShort)
	}
	if length > maxLength {
		problems = append(problems, TooLong)
	}
	return problems
}

// prepare gives the bytes that are hashed: the whole password in NFC, so that one word typed on two keyboards is one
// password. It refuses what can't be anybody's password before spending work on it.
func prepare(password secret.Text) ([]byte, Problem) {
	text := password.Reveal()
	if len(text) > maxBytes {
		return nil, TooLong
	}
	if !utf8.ValidString(text) {
		return nil, NotText
	}
	return norm.NFC.AppendString(nil, text), 0
}
