package strength

import (
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// stands are the bytes that stand for code points which have no ASCII form. They are control characters, which no
// password has and no word list; those that a date matcher takes for spaces aren't among them.
const stands = "\x01\x02\x03\x04\x05\x06\x07\x08" +
	"\x0e\x0f\x10\x11\x12\x13\x14\x15\x16\x17\x18\x19\x1a\x1b\x1c\x1d\x1e\x1f\x7f"

// folding writes texts with one byte per code point, so that positions mean the same to all who count them. Letters
// with marks and compatible forms become the ASCII letters that they look like, for that is what a guesser tries first.
// Each other code point gets a byte of its own, as long as there are any: a password in another script is judged by
// its repeats and by the owner's words, and taken for weaker than it is rather than for stronger.
type folding map[rune]byte

// password folds a password, and gives the code points that it meets their bytes.
func (f folding) password(text string) string {
	var out []byte
	for _, r := range text {
		if plain := ascii(r); plain != nil {
			out = append(out, plain...)
			continue
		}
		r = unicode.ToLower(r)
		stand, known := f[r]
		if !known {
			stand = stands[len(f)%len(stands)]
			f[r] = stand
		}
		out = append(out, stand)
	}
	return string(out)
}

// word folds a word as the password was. It answers false for one with a code point that the password hasn't: it isn't in there.
func (f folding) word(text string) (string, bool) {
	var out []byte
	for _, r := range text {
		if plain := ascii(r); plain != nil {
			out = append(out, plain...)
			continue
		}
		stand, known := f[unicode.ToLower(r)]
		if !known {
			return "", false
		}
		out = append(out, stand)
	}
	return string(out), true
}

// ascii is what a code point looks like in ASCII: é like e, ｐ like p, ﬁ like fi. Nil when it looks like nothing there.
func ascii(r rune) []byte {
	if r >= ' ' && r < unicode.MaxASCII {
		return []byte{byte(r)}
	}
	var out []byte
	for _, part := range string(norm.NFKD.AppendString(nil, string(r))) {
		if part >= ' ' && part < unicode.MaxASCII {
			out = append(out, byte(part))
		}
	}
	return out
}
