package main

import (
	"bufio"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
)

// metric names one figure: a package's folder and the benchmark in it, without the word, such as "sdk/verify Verify/new", and the unit that
// it is reported in, such as "ns/op" or "p99-ms".
type metric struct{ benchmark, unit string }

// results are the figures of a run.
type results map[metric]float64

// read takes in go test's lines until they end. It returns those that are neither a result nor a heading: why something failed.
func (r results) read(from io.Reader, progress func(line string)) (complaints []string, err error) {
	lines := bufio.NewScanner(from)
	lines.Buffer(nil, 1<<20)
	pkg := ""
	for lines.Scan() {
		line := lines.Text()
		progress(line)
		if path, ok := strings.CutPrefix(line, "pkg: "); ok {
			pkg = shorten(path)
			continue
		}
		if !r.take(pkg, line) && !isHeading(line) {
			complaints = append(complaints, line)
		}
	}
	if err := lines.Err(); err != nil {
		return complaints, fmt.Errorf("read go test's output: %w", err)
	}
	return complaints, nil
}

// processors is how the testing package marks each name with how many a test's process uses, unless that is one.
var processors = regexp.MustCompile(`-[0-9]+$`)

// take reads a line such as "BenchmarkVerify/new-2  19000  61000 ns/op  1.2 ratio"; false when it is none.
func (r results) take(pkg, line string) bool {
	fields := strings.Fields(line)
	if len(fields) < 4 || len(fields)%2 != 0 {
		return false
	}
	name, ok := strings.CutPrefix(fields[0], "Benchmark")
	if _, err := strconv.Atoi(fields[1]); !ok || err != nil {
		return false
	}
	name = processors.ReplaceAllString(name, "")
	for i := 2; i < len(fields); i += 2 {
		value, err := strconv.ParseFloat(fields[i], 64)
		if err != nil {
			return false
		}
		r[metric{pkg + " " + name, fields[i+1]}] = value
	}
	return true
}

func isHeading(line string) bool {
	for _, start := range []string{"goos: ", "goarch: ", "cpu: ", "PASS", "ok  \t"} {
		if strings.HasPrefix(line, start) {
			return true
		}
	}
	return false
}

// shorten takes our own module's path off a package's.
func shorten(pkg string) string { return strings.TrimPrefix(pkg, "github.com/doorward/doorward/") }
