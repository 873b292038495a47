package credential

import (
	"unicode"
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

// Rules are what a policy asks of a new password. They say nothing about one that is already set: whatever it is, its
// owner signs in with it.
type Rules struct {
	// MinLength and MaxLength are in code points, counted after NFC. A policy may be stricter than the bounds of the same
	// names, never laxer; 0 stands for the bound.
	MinLength, MaxLength int
	// Composition is which kinds of character there must be. The zero value asks for none.
	Composition Composition
	// MinScore is the least of the scores 0 to 4 that strength gives.
	MinScore int
	// ContextWords are the operator's: the names of what the password is for, which guessers try first.
	ContextWords []string
}

// Composition is which kinds of character a password must have. NIST SP 800-63B-4, 3.1.1.2, says "SHALL NOT impose": it
// makes passwords harder to remember and hardly harder to guess. It is there for those whom another rule binds.
type Composition struct {
	Lower, Upper, Digit, Symbol bool
}

// bounds are the rules that hold whatever the policy is.
var bounds = Rules{MinLength: MinLength, MaxLength: MaxLength}

// Check returns what is wrong with the form of a new password. It costs next to nothing; how strong the password is,
// a ticket of the pool finds out.
func (r Rules) Check(password secret.Text) []Problem {
	input, wrong := prepare(password)
	if wrong != "" {
		return []Problem{r.problem(wrong)}
	}
	var problems []Problem
	add := func(broken bool, name Name) {
		if broken {
			problems = append(problems, r.problem(name))
		}
	}
	kinds := kindsIn(input)
	add(kinds.length < r.minLength(), TooShort)
	add(kinds.length > r.maxLength(), TooLong)
	add(kinds.unprintable, NotPrintable)
	add(r.Composition.Lower && !kinds.lower, NoLower)
	add(r.Composition.Upper && !kinds.upper, NoUpper)
	add(r.Composition.Digit && !kinds.digit, NoDigit)
	add(r.Composition.Symbol && !kinds.symbol, NoSymbol)
	return problems
}

func (r Rules) minLength() int { return max(r.MinLength, MinLength) }

func (r Rules) maxLength() int {
	if r.MaxLength <= 0 {
		return MaxLength
	}
	return min(r.MaxLength, MaxLength)
}

// kinds is what there is in a password.
type kinds struct {
	length                      int
	lower, upper, digit, symbol bool
	unprintable                 bool
}

func kindsIn(input []byte) kinds {
	var k kinds
	for _, r := range string(input) {
		k.length++
		switch {
		case !printable(r):
			k.unprintable = true
		case unicode.IsLower(r):
			k.lower = true
		case unicode.IsUpper(r), unicode.IsTitle(r):
			k.upper = true
		case unicode.IsDigit(r):
			k.digit = true
		case !unicode.IsLetter(r) && !unicode.IsMark(r):
			k.symbol = true
		}
	}
	return k
}

// prepare gives the bytes that are hashed: the whole password in NFC, so that one word typed on two keyboards is one
// password. It refuses what can't be anybody's password before spending work on it.
func prepare(password secret.Text) ([]byte, Name) {
	text := password.Reveal()
	if len(text) > maxBytes {
		return nil, TooLong
	}
	if !utf8.ValidString(text) {
		return nil, NotText
	}
	return norm.NFC.AppendString(nil, text), ""
}
