package credential

import "unicode"

// The invisible characters that writing needs: joiners, which Persian, the scripts of India and emoji are written
// with, and the tags that spell a flag such as Scotland's. Variation selectors are marks to Unicode, and so are printable.
const (
	zeroWidthNonJoiner = '\u200c'
	zeroWidthJoiner    = '\u200d'
	firstTag, lastTag  = '\U000e0020', '\U000e007f'
)

// printable says whether a new password may have a code point: letters, marks, numbers, punctuation, symbols, and
// spaces of every width, as typed.
//
// It mayn't have those that nobody can see to type again: controls, line ends, and invisible formatting such as a soft
// hyphen or a mark of direction, which come along when text is copied. Nor those whose meaning isn't fixed: of private
// use, which another device can't type, and not assigned in the Unicode version that this program knows, because only
// of assigned ones does Unicode promise that NFC stays as it is; the same password could one day be other bytes.
func printable(r rune) bool {
	switch {
	case r == zeroWidthNonJoiner, r == zeroWidthJoiner, r >= firstTag && r <= lastTag:
		return true
	case unicode.Is(unicode.Prepended_Concatenation_Mark, r): // seen, though Unicode files it under formatting
		return true
	}
	return unicode.IsGraphic(r)
}
