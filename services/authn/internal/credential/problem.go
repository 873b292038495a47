package credential

import (
	"fmt"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/strength"
)

// Problem is a rule that a new password breaks, or what makes it weak. It never holds a part of the password.
type Problem struct {
	Name Name
	// Text says what to do, as the rest of a sentence that begins with the password: "must have at least 15 characters".
	Text string
}

// Name is a problem's name, which stays as it is: docs/errors.md lists them for programs.
type Name string

// The names. After TooWeak come up to three that say why, named as strength names them. The last three are for whoever knows the account and what is
// known from breaches: the rules don't.
const (
	TooShort     Name = "too_short"
	TooLong      Name = "too_long"
	NotText      Name = "not_text"
	NotPrintable Name = "not_printable"
	NoLower      Name = "no_lower_case"
	NoUpper      Name = "no_upper_case"
	NoDigit      Name = "no_digit"
	NoSymbol     Name = "no_symbol"
	TooWeak      Name = "too_weak"

	Breached        Name = "breached"
	BreachSuspected Name = "breach_suspected"
	Same            Name = "same"
)

func (r Rules) problem(name Name) Problem {
	return Problem{Name: name, Text: r.text(name)}
}

func (r Rules) text(name Name) string {
	switch name {
	case TooShort:
		return fmt.Sprintf("must have at least %d characters", r.minLength())
	case TooLong:
		return fmt.Sprintf("must have at most %d characters", r.maxLength())
	case NotText:
		return "must be valid UTF-8 text"
	case NotPrintable:
		return "must not have characters that can't be seen, or that aren't in use everywhere; type it by hand"
	case NoLower:
		return "must have a lower-case letter"
	case NoUpper:
		return "must have an upper-case letter"
	case NoDigit:
		return "must have a digit"
	case NoSymbol:
		return "must have a character that is neither letter nor digit"
	case TooWeak:
		return "is too easy to guess; several words that don't belong together make a strong one"
	case Breached, BreachSuspected, Same: // whoever finds one has the words for it
	}
	return weaknessText(strength.Weakness(name))
}

func weaknessText(w strength.Weakness) string {
	switch w {
	case strength.OwnWord:
		return "should not be made of your name, your address, or the name of what it is for"
	case strength.CommonPassword:
		return "should not contain a password that many people use"
	case strength.CommonWord:
		return "needs more, or rarer, words than these"
	case strength.Name:
		return "should not be made of names"
	case strength.Keyboard:
		return "should not follow the keys of the keyboard"
	case strength.Repeat:
		return "should not say the same thing again and again"
	case strength.Sequence:
		return "should not have runs such as abcd or 4321"
	case strength.Date:
		return "should not contain a date"
	}
	return "is not acceptable"
}

// Judge returns what makes a new password weaker than the policy asks for: nothing, or TooWeak and why. own are the
// words that a guesser who knows the owner would try. It takes milliseconds, so it runs on a worker: Ticket.HashNew.
func (r Rules) Judge(password secret.Text, own []string) []Problem {
	input, wrong := prepare(password)
	if wrong != "" {
		return []Problem{r.problem(wrong)}
	}
	if r.MinScore <= 0 {
		return nil
	}
	words := append(append([]string{productName}, own...), r.ContextWords...)
	estimate := strength.Of(string(input), words)
	if estimate.Score >= r.MinScore {
		return nil
	}
	problems := []Problem{r.problem(TooWeak)}
	for _, w := range estimate.Weaknesses {
		problems = append(problems, r.problem(Name(w)))
	}
	return problems
}

// productName is a context word of every policy.
const productName = "doorward"
