package pwned

import (
	"strings"
	"testing"
)

// FuzzAnswer: an answer is read whole or refused, a count comes from a line that has it, and no error quotes the answer.
func FuzzAnswer(f *testing.F) {
	const suffix = "1E4C9B93F3F0682250B6CF8331B7EE68FD8"
	other := strings.Repeat("0", suffixDigits)
	for _, text := range []string{
		"", "\r\n", suffix + ":7", suffix + ":7\r\n" + other + ":0\r\n", strings.ToLower(suffix) + ":7\n", suffix, suffix + ":", suffix + ":-1", suffix + ":+1",
		suffix + ":99999999999999999999", other + ":3\r\nhunter2", "<html>", suffix + ":7\r\n" + suffix + ":9",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		count, err := find(strings.NewReader(text), suffix)
		if err != nil {
			if count != 0 || len(text) > 8 && strings.Contains(err.Error(), text) {
				t.Fatalf("find = %d, %v", count, err)
			}
			return
		}
		if count < 0 || (count > 0) && !strings.Contains(strings.ToUpper(text), suffix+":") {
			t.Fatalf("a count of %d out of %q", count, text)
		}
		for line := range strings.Lines(text) {
			if line = strings.TrimRight(line, "\r\n"); line != "" && (len(line) < suffixDigits+2 || line[suffixDigits] != ':') {
				t.Fatalf("a line was passed over: %q", line)
			}
		}
	})
}
