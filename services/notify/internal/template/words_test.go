package template

import "testing"

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
