package strength

import "strings"

// repetition finds what a text says again and again, whatever its case: "pass " twice in "Pass pass". times is 1 when
// there is nothing less than the text. The last time may lack its end; one that lacks a separator alone counts.
func repetition(text string) (unit, times int) {
	unit = period(strings.ToLower(text))
	if unit == 0 {
		return 0, 1
	}
	return unit, max(1, (len(text)+1)/unit)
}

// period is the length of the shortest beginning that, written again and again, gives the whole text: 3 of abcabcab.
// It is the text's own length when nothing less does.
func period(text string) int {
	// border[i] is the length of the longest part that text[:i] both begins and ends with (Knuth, Morris, Pratt).
	border := make([]int, len(text)+1)
	for i := 1; i < len(text); i++ {
		n := border[i]
		for n > 0 && text[i] != text[n] {
			n = border[n]
		}
		if text[i] == text[n] {
			n++
		}
		border[i+1] = n
	}
	return len(text) - border[len(text)]
}
