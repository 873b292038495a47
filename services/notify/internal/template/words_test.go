package template

import (
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestOneLine(t *testing.T) {
	tests := map[string]string{
		"Lisbon, Portugal":  "Lisbon, Portugal",
		" a\r\n\tb\u2028c ": "a b c",
		"São Tomé and 東京":   "São Tomé and 東京",
		"zero\u200bwidth":   "zerowidth",
		"\u202egnp.exe":     "gnp.exe",
		"bad \xff byte":     "bad byte",
		"":                  "",
	}
	for in, want := range tests {
		if got := oneLine(in); got != want {
			t.Errorf("oneLine(%q) = %q, want %q", in, got, want)
		}
	}
}

func FuzzOneLine(f *testing.F) {
	f.Add("a\nb")
	f.Add("\u202e\x00" + strings.Repeat("é", 300))
	f.Fuzz(func(t *testing.T, value string) {
		got := oneLine(value)
		if !utf8.ValidString(got) || utf8.RuneCountInString(got) > maxLine {
			t.Errorf("oneLine(%q) = %q", value, got)
		}
		if strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("oneLine(%q) = %q, with what can't be seen", value, got)
		}
	})
}
