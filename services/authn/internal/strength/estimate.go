package strength

import (
	"math"
	"slices"

	zxcvbn "github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
	"github.com/ccojocar/zxcvbn-go/scoring"
)

const (
	// MaxScore is the best score.
	MaxScore = 4
	// MaxJudged is how much of a password is looked at, in code points. The work grows with its square, and a password is
	// never easier to guess than its beginning. The worst that was found costs 8 ms of a core, a phrase of that length 3 ms.
	MaxJudged = 64
	// maxWeaknesses is how many weaknesses are told: what a page can show without being a list of everything.
	maxWeaknesses = 3
)

// Weakness is what makes a password easy to guess. It says what kind of thing is in there, never what or where.
type Weakness string

// The weaknesses.
const (
	OwnWord        Weakness = "own_word"
	CommonPassword Weakness = "common_password"
	CommonWord     Weakness = "common_word"
	Name           Weakness = "name"
	Keyboard       Weakness = "keyboard_pattern"
	Repeat         Weakness = "repeat"
	Sequence       Weakness = "sequence"
	Date           Weakness = "date"
)

// Estimate is how a password fares.
type Estimate struct {
	// Score is 0 to 4. At the 10 000 guesses a second that the library reckons with, a password of that score stands less
	// than 100 s, at least that, 10^4 s, 10^6 s, or 10^8 s.
	Score int
	// Weaknesses are what it is put together from, as they come in it, a few at most. A strong password may have some too.
	Weaknesses []Weakness
}

// Of judges a password in NFC. own are words that a guesser who knows the owner would try: mail address, name, the
// operator's words.
func Of(password string, own []string) Estimate {
	f := make(folding)
	text := f.password(password)
	var e Estimate
	unit, times := repetition(text)
	if times > 1 {
		text = text[:unit]
		e.Weaknesses = append(e.Weaknesses, Repeat)
	}
	text = text[:min(len(text), MaxJudged)]
	matches := matchesIn(text, ownWords(f, own))
	cheapest := scoring.MinimumEntropyMatchSequence(text, matches)
	e.Score = score(cheapest.Entropy + math.Log2(float64(times)))
	for _, part := range cheapest.MatchSequence {
		e.note(part, matches)
	}
	return e
}

// matchesIn is all that the parts of a text may be: words, patterns, words in disguise.
func matchesIn(text string, words []string) []zxcvbn.Match {
	matches := matching.Omnimatch(text, words, matching.FilterL33tMatcher, matching.FilterSpatialMatcher)
	for i := range matches {
		mend(&matches[i])
	}
	matches = append(matches, walks(text)...)
	return append(matches, disguises(text, words)...)
}

// mend gives a date the end and the pattern that the library's other matches have: it names the byte after the last,
// and so is never found at a text's end.
func mend(m *zxcvbn.Match) {
	if m.DictionaryName == "date_match" {
		m.Pattern = "date"
		m.J--
	}
}

// note adds what a part of the cheapest way says, once. Words of one or two letters are chance. A part of a date is
// called that, though the number pad may be the cheaper way to it.
func (e *Estimate) note(part zxcvbn.Match, matches []zxcvbn.Match) {
	weakness, found := weaknessOf(part)
	if !found || part.J-part.I+1 < minWord {
		return
	}
	if slices.ContainsFunc(matches, func(m zxcvbn.Match) bool { return m.Pattern == "date" && m.I <= part.I && part.J <= m.J }) {
		weakness = Date
	}
	if len(e.Weaknesses) < maxWeaknesses && !slices.Contains(e.Weaknesses, weakness) {
		e.Weaknesses = append(e.Weaknesses, weakness)
	}
}

func weaknessOf(part zxcvbn.Match) (Weakness, bool) {
	switch part.Pattern {
	case "spatial":
		return Keyboard, true
	case "repeat":
		return Repeat, true
	case "sequence":
		return Sequence, true
	case "date":
		return Date, true
	case "dictionary":
		return dictionaryWeakness(part.DictionaryName), true
	}
	return "", false
}

func dictionaryWeakness(dictionary string) Weakness {
	switch dictionary {
	case "user_inputs":
		return OwnWord
	case "Passwords":
		return CommonPassword
	case "MaleNames", "FemaleNames", "Surname":
		return Name
	}
	return CommonWord
}

// score is the library's scale, for bits that it didn't add up alone.
func score(bits float64) int {
	const guessesPerSecond = 10_000
	seconds := math.Exp2(bits-1) / guessesPerSecond // half of all guesses, on average
	switch {
	case seconds < 1e2:
		return 0
	case seconds < 1e4:
		return 1
	case seconds < 1e6:
		return 2
	case seconds < 1e8:
		return 3
	}
	return MaxScore
}
