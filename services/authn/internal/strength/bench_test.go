package strength_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/doorward/doorward/services/authn/internal/strength"
)

var owner = []string{"ada.lovelace@example.org", "Ada Lovelace", "Acme Rockets", "doorward"}

// BenchmarkOf judges phrases of usual lengths.
func BenchmarkOf(b *testing.B) {
	const phrase = "violet engines hum softly beneath a crooked copper moon, twice a"
	for _, length := range []int{16, 32, 64} {
		b.Run(fmt.Sprintf("length=%d", length), func(b *testing.B) {
			for b.Loop() {
				strength.Of(phrase[:length], owner)
			}
		})
	}
}

// BenchmarkOfTheWorst judges what was found to cost most: each of the library's matchers kept as busy as can be.
func BenchmarkOfTheWorst(b *testing.B) {
	for name, unit := range map[string]string{
		"keyboard": "123789456", "disguise": "4@8({[<369!1|70$5+%2x", "words": "a i the of ", "digits": "1928374650",
		"dates": "1.1.11 2-3-1985 ", "letters": "esaltoine",
	} {
		// The last character keeps it from being a repetition, whose unit alone would be judged.
		password := strings.Repeat(unit, 256)[:255] + "~"
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				strength.Of(password, owner)
			}
		})
	}
}
