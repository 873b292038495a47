package strength

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Bounds of what a caller may give as the owner's words, so that they add no work worth speaking of.
const (
	maxWords   = 256
	minWord    = 3 // shorter ones are in every password
	maxWordLen = MaxJudged
)

// ownWords are the words that a guesser who knows the owner tries: what was given, and its parts, the parts of a mail
// address being those of its local part and of its domain. They are folded as the password was.
func ownWords(f folding, given []string) []string {
	var words []string
	seen := make(map[string]bool)
	add := func(word string) {
		if utf8.RuneCountInString(word) < minWord || len(words) >= maxWords {
			return
		}
		folded, possible := f.word(word)
		if !possible || len(folded) > maxWordLen || seen[folded] {
			return
		}
		seen[folded] = true
		words = append(words, folded)
	}
	for _, text := range given {
		text = strings.ToLower(text)
		add(text)
		if local, domain, isEmail := strings.Cut(text, "@"); isEmail {
			add(local)
			add(domain)
		}
		parts := strings.FieldsFunc(text, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
		for _, part := range parts {
			add(part)
		}
		add(strings.Join(parts, ""))
	}
	return words
}
