package strength

import (
	"strings"

	zxcvbn "github.com/ccojocar/zxcvbn-go/match"
	"github.com/ccojocar/zxcvbn-go/matching"
)

// disguiseBits is what a word in disguise costs a guesser more than the word: twice as many guesses.
const disguiseBits = 1

// undisguised are two readings of signs that stand for letters. The library's own search tries every combination of
// readings, which takes seconds for 64 bytes that have all of the signs; and what it adds for them it throws away.
func undisguised(text string) []string {
	const common = "4a@a8b(c{c[c<c3e6g9g!i0o$s5s+t%x2z"
	var out []string
	for _, readings := range []string{common + "1i|i7t", common + "1l|l7l"} {
		var pairs []string
		for sign := range readings {
			if sign%2 == 0 {
				pairs = append(pairs, readings[sign:sign+1], readings[sign+1:sign+2])
			}
		}
		reading := strings.NewReplacer(pairs...).Replace(text)
		if reading != text && (len(out) == 0 || out[0] != reading) {
			out = append(out, reading)
		}
	}
	return out
}

// disguises finds the words in a text's readings that aren't in the text itself.
func disguises(text string, words []string) []zxcvbn.Match {
	var out []zxcvbn.Match
	for _, reading := range undisguised(text) {
		for _, m := range matching.Omnimatch(reading, words, dictionariesOnly) {
			if text[m.I:m.J+1] == reading[m.I:m.J+1] {
				continue
			}
			m.Entropy += disguiseBits
			out = append(out, m)
		}
	}
	return out
}

// dictionariesOnly has the library leave out every other matcher.
func dictionariesOnly(m zxcvbn.Matcher) bool {
	return matching.FilterSpatialMatcher(m) || matching.FilterRepeatMatcher(m) || matching.FilterSequenceMatcher(m) ||
		matching.FilterL33tMatcher(m) || matching.FilterDateSepMatcher(m) || matching.FilterDateWithoutSepMatcher(m)
}
