package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// maxOutput bounds what is kept of one test's output: the end of it, where the failure usually is.
const maxOutput = 32 << 10

// event is one line of `go test -json`; see `go doc test2json`. Build events carry ImportPath in place of Package.
type event struct {
	Action     string
	Package    string
	ImportPath string
	Test       string
	Output     string
	Elapsed    float64
	// FailedBuild names the build that kept the package's tests from running.
	FailedBuild string
}

// key tells tests apart; an empty test is the package itself.
type key struct{ pkg, test string }

// report counts outcomes and keeps each test's output until its outcome is known. One goroutine uses it.
type report struct {
	out                     io.Writer
	passed, failed, skipped int
	output                  map[key]*tail
	// failedIn counts a package's failed tests: a package that fails with none of its own failing needs a line itself.
	failedIn map[string]int
	// shuffle holds each package's seed, with which a failing order can be had again.
	shuffle map[string]string
}

func newReport(out io.Writer) *report {
	return &report{out: out, output: map[key]*tail{}, failedIn: map[string]int{}, shuffle: map[string]string{}}
}

// green says whether everything that ran passed, and nothing chose not to run.
func (r *report) green() bool { return r.failed == 0 && r.skipped == 0 }

func (r *report) close(took time.Duration) {
	fmt.Fprintf(r.out, "%d passed, %d failed, %d skipped (%s)\n",
		r.passed, r.failed, r.skipped, took.Round(100*time.Millisecond))
}

// read takes in one go test's events until they end.
func (r *report) read(from io.Reader) error {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 4<<20)
	for lines.Scan() {
		var e event
		if err := json.Unmarshal(lines.Bytes(), &e); err != nil {
			// Something wrote past the test framework; it's shown as it came.
			fmt.Fprintln(r.out, lines.Text())
			continue
		}
		r.take(e)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read go test's events: %w", err)
	}
	return nil
}

func (r *report) take(e event) {
	k := key{pkg: e.Package, test: e.Test}
	switch e.Action {
	case "output":
		r.keep(k, e.Output)
	case "build-output":
		r.keep(key{pkg: e.ImportPath}, e.Output)
	case "pass":
		if e.Test != "" {
			r.passed++
		}
		delete(r.output, k)
	case "skip":
		r.skip(k)
	case "fail":
		r.fail(k, e)
	}
}

// skip counts a test that gave up. A package is "skipped" when it has no test files, which is nothing to report.
func (r *report) skip(k key) {
	if k.test != "" {
		r.skipped++
		r.print("SKIP", k, 0, r.output[k])
	}
	delete(r.output, k)
}

func (r *report) fail(k key, e event) {
	defer delete(r.output, k)
	switch {
	case k.test != "":
		r.failed++
		r.failedIn[k.pkg]++
		r.print("FAIL", k, e.Elapsed, r.output[k])
	case e.FailedBuild != "":
		r.failed++
		r.print("FAIL", k, e.Elapsed, r.output[key{pkg: e.FailedBuild}])
	case r.failedIn[k.pkg] == 0:
		// A panic outside a test, a data race at exit, a failing TestMain or a time-out.
		r.failed++
		r.print("FAIL", k, e.Elapsed, r.output[k])
	}
}

func (r *report) keep(k key, text string) {
	if seed, ok := strings.CutPrefix(text, "-test.shuffle "); ok && k.test == "" {
		r.shuffle[k.pkg] = strings.TrimSpace(seed)
		return
	}
	if strings.HasPrefix(text, "=== ") {
		return
	}
	kept := r.output[k]
	if kept == nil {
		kept = &tail{limit: maxOutput}
		r.output[k] = kept
	}
	_, _ = kept.Write([]byte(text)) // never fails
}

func (r *report) print(outcome string, k key, elapsed float64, output *tail) {
	name := strings.TrimPrefix(k.pkg, "github.com/doorward/doorward/")
	if k.test != "" {
		name += " " + k.test
	}
	again := ""
	if seed := r.shuffle[k.pkg]; seed != "" {
		again = ", -shuffle=" + seed
	}
	fmt.Fprintf(r.out, "%s %s (%.2fs%s)\n", outcome, name, elapsed, again)
	if output == nil {
		return
	}
	for line := range strings.Lines(output.String()) {
		fmt.Fprint(r.out, "     ", line)
	}
}
