package main

import (
	"bytes"
	"context"
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

const breachedPassword = "an unlikely password that leaked"

// breachLines is a downloaded corpus: the password above, and n others.
func breachLines(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, "%X:%d\r\n", sha1.Sum(fmt.Appendf(nil, "number %d", i)), i%3+1) //nolint:gosec // see the import
	}
	fmt.Fprintf(&b, "%X:3\r\n", sha1.Sum([]byte(breachedPassword))) //nolint:gosec // see the import
	return b.String()
}

func breachFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pwned.txt")
	must(t, os.WriteFile(path, []byte(content), 0o600))
	return path
}

func TestBreachBuild(t *testing.T) {
	c := console{T: t, ctx: t.Context()}
	from, out := breachFile(t, breachLines(999)), filepath.Join(t.TempDir(), "corpus.fuse")
	c.shows([]string{"hashes    1,000\n", "bytes a hash, 1 shards", "0 repeated, 0 seen less than 1 times", "of memory at its peak", out}, "breach", "build", "--from", from, "--out", out)
	c.refuses("nothing was changed: name another file, or give --replace", "breach", "build", "--from", from, "--out", out)
	var built buildReport
	must(t, json.Unmarshal([]byte(c.say("breach", "build", "--from", from, "--from", from, "--out", out, "--replace", "--min-count", "2", "--json")), &built))
	if built.Hashes != 667 || built.Doubles != 667 || built.Below != 666 || built.Path != out || built.PeakMemory < 1<<20 || built.Projection != nil || built.Source != "pwned.txt, pwned.txt" {
		t.Errorf("built %+v", built)
	}
	c.refuses("--min-count must be 1 or more", "breach", "build", "--from", from, "--out", out, "--replace", "--min-count", "0")
	c.refuses("line 1: not a SHA-1 hash", "breach", "build", "--from", breachFile(t, "hunter2"), "--out", out, "--replace")
	c.refuses("no such file", "breach", "build", "--from", from+"2", "--out", out, "--replace")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	console{T: t, ctx: gone}.refuses("interrupted: nothing was written", "breach", "build", "--from", from, "--out", out, "--replace")
	if entries, err := os.ReadDir(filepath.Dir(out)); err != nil || len(entries) != 1 {
		t.Errorf("beside the corpus lie %v, %v", entries, err)
	}
}

func TestAMillionHashesTellOfABillion(t *testing.T) {
	r := buildReport{Seconds: 6, BytesPerHash: 2.26}
	r.Hashes, r.Size = 2_000_000, 4_520_000
	var none bytes.Buffer
	must(t, r.tell(&none))
	r = newBuildReport("c", r.Built, 6e9, 100<<20)
	var text bytes.Buffer
	must(t, r.tell(&text))
	const want = "a billion  would take about 50m0s here, 7.5 GiB of temporary disk, and 2.1 GiB for the corpus"
	if !strings.Contains(text.String(), want) || strings.Contains(none.String(), "billion") {
		t.Errorf("%s\nwant %s", text.String(), want)
	}
}

// checkBreach gives lines to the command, and looks for passwords in what it prints.
func checkBreach(t *testing.T, lines string, args ...string) (out, complaint string, code int) {
	t.Helper()
	var said, complained bytes.Buffer
	code = run(t.Context(), append([]string{"breach", "check"}, args...), streams{in: strings.NewReader(lines), out: &said, err: &complained})
	for line := range strings.Lines(lines) {
		if line = strings.TrimSpace(line); line != "" && strings.Contains(said.String()+complained.String(), line) {
			t.Errorf("a password is printed: %s%s", said.String(), complained.String())
		}
	}
	return said.String(), complained.String(), code
}

func TestBreachCheck(t *testing.T) {
	c := console{T: t, ctx: t.Context()}
	file := filepath.Join(t.TempDir(), "corpus.fuse")
	c.say("breach", "build", "--from", breachFile(t, breachLines(10)), "--out", file)
	asked, answer := 0, "7"
	ranges := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked++; answer == "" {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		digits := fmt.Sprintf("%X", sha1.Sum([]byte(breachedPassword))) //nolint:gosec // see the import
		fmt.Fprintf(w, "%s:1\r\n%s:%s\r\n", strings.Repeat("0", 35), digits[5:], answer)
	}))
	defer ranges.Close()
	const three = "Password1\r\n\n" + breachedPassword + "\nanother unlikely password"
	for _, tt := range []struct {
		name   string
		answer string
		args   []string
		out    string
		why    string
		asked  int
	}{
		{"the list alone", "7", nil, "1: breached, one of the most used passwords\n3: clean\n4: clean\n", "of 3 passwords 1 are breached, 0 suspected, 0 couldn't", 0},
		{"a corpus", "7", []string{"--corpus", file}, "1: breached, one of the most used passwords\n3: suspected, by the corpus alone\n4: clean\n", "1 are breached, 1 suspected", 0},
		{"the range API", "1234", []string{"--range-host", ranges.URL}, "1: breached, one of the most used passwords\n3: breached, seen 1,234 times\n4: clean\n", "2 are breached", 2},
		{"both", "7", []string{"--corpus", file, "--range", "--range-host", ranges.URL}, "1: breached, one of the most used passwords\n3: breached, seen 7 times\n4: clean\n", "2 are breached", 1},
		{"both, seen seldom", "7", []string{"--corpus", file, "--range-host", ranges.URL, "--min-count", "8"}, "1: breached, one of the most used passwords\n3: clean, seen 7 times\n4: clean\n", "1 are breached", 1},
		{"both, and nobody confirms", "", []string{"--corpus", file, "--range-host", ranges.URL},
			"1: breached, one of the most used passwords\n3: suspected, by the corpus alone (ask the range API: it answers 500 Internal Server Error)\n4: clean\n", "1 suspected", 1},
		{"the range API fails", "", []string{"--range-host", ranges.URL},
			"1: breached, one of the most used passwords\n3: unknown (ask the range API: it answers 500 Internal Server Error)\n4: unknown (ask the range API: it answers 500 Internal Server Error)\n", "2 couldn't be checked", 2},
	} {
		t.Run(tt.name, func(t *testing.T) {
			asked, answer = 0, tt.answer
			out, complaint, code := checkBreach(t, three, tt.args...)
			if out != tt.out || !strings.Contains(complaint, tt.why) || code != exitFailed || asked != tt.asked {
				t.Errorf("exit code %d, asked %d times:\n%s%s", code, asked, out, complaint)
			}
		})
	}
	if out, complaint, code := checkBreach(t, "an unlikely password\n", "--corpus", file); out != "1: clean\n" || complaint != "" || code != exitOK {
		t.Errorf("exit code %d: %s%s", code, out, complaint)
	}
	if out, complaint, code := checkBreach(t, ""); out+complaint != "" || code != exitOK {
		t.Errorf("nothing to check: exit code %d: %s%s", code, out, complaint)
	}
	answer = "7"
	out, _, code := checkBreach(t, three, "--range-host", ranges.URL, "--json")
	var all []checkedPassword
	must(t, json.Unmarshal([]byte(out), &all))
	if code != exitFailed || len(all) != 3 || all[1] != (checkedPassword{Line: 3, Result: "breached", By: "range", Count: 7}) {
		t.Errorf("exit code %d: %s", code, out)
	}
}

func TestBreachCheckSaysWhatToDo(t *testing.T) {
	for want, tt := range map[string]struct {
		lines string
		args  []string
	}{
		"line 2 is longer than 4096 bytes: give one password a line": {"an unlikely password\n" + strings.Repeat("x", 5000), nil},
		"make one with doorward breach build":                        {"", []string{"--corpus", breachFile(t, breachLines(3))}},
		"--range-host: pwned: the host must be https":                {"", []string{"--range-host", "http://example.com"}},
		"the minimum count is 0: give 1 or more":                     {"", []string{"--min-count", "0"}},
		"no such file or directory":                                  {"", []string{"--corpus", filepath.Join(t.TempDir(), "none")}},
	} {
		if _, complaint, code := checkBreach(t, tt.lines, tt.args...); code != exitFailed || !strings.Contains(complaint, want) {
			t.Errorf("exit code %d, %s, want %q", code, complaint, want)
		}
	}
	console{T: t, ctx: t.Context()}.refuses("no standard input", "breach", "check")
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	var out, complaint bytes.Buffer
	if code := run(gone, []string{"breach", "check"}, streams{in: strings.NewReader("x"), out: &out, err: &complaint}); code != exitFailed || !strings.Contains(complaint.String(), "interrupted") {
		t.Errorf("interrupted: exit code %d, %s", code, complaint.String())
	}
}
