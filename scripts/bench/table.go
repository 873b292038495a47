package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// line is a row with its figures.
type line struct {
	row
	value, limit, ratio float64
	limited             bool
}

// printTable prints the rows that were measured, and returns the others' names.
func printTable(out io.Writer, rows []row, found results) (missing []string) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(table, "\nwhat\tfigure\tlimit, in the same run\tratio\taim\t\n")
	for _, r := range rows {
		l, ok := r.look(found)
		if !ok {
			missing = append(missing, r.what)
			continue
		}
		fmt.Fprintln(table, strings.Join(l.cells(), "\t"))
	}
	_ = table.Flush() // a terminal that is gone has nobody to tell
	return missing
}

// look finds the row's figures; false when one that it needs wasn't measured.
func (r row) look(found results) (line, bool) {
	value, ok := found[r.figure]
	if !ok {
		return line{}, false
	}
	l := line{row: r, value: value}
	switch {
	case r.share != metric{}:
		l.ratio, l.limited = found[r.share], found[r.share] > 0
		if l.limited {
			l.limit = value / l.ratio
		}
	case r.limit != metric{}:
		l.limit, l.limited = found[r.limit], found[r.limit] > 0
		if l.limited {
			l.ratio = value / l.limit
		}
	default:
		return l, true
	}
	return l, l.limited
}

func (l line) cells() []string {
	limit, ratio := "", ""
	if l.limited {
		limit = show(l.limit, l.figure.unit) + " " + l.limitIs
		ratio = fmt.Sprintf("%.2f", l.ratio)
	}
	text, met := l.judge()
	verdict := ""
	if text != "" && !met {
		verdict = "missed"
	}
	return []string{l.what, show(l.value, l.figure.unit), limit, ratio, text, verdict}
}

// judge says what the aim is and whether it is met.
func (l line) judge() (text string, met bool) {
	switch {
	case l.aim.atLeast > 0:
		return fmt.Sprintf("≥ %.2f", l.aim.atLeast), l.ratio >= l.aim.atLeast
	case l.aim.atMost > 0:
		return fmt.Sprintf("≤ %.2f", l.aim.atMost), l.ratio <= l.aim.atMost
	case l.aim.under > 0:
		return "≤ " + show(l.aim.under, l.figure.unit), l.value <= l.aim.under
	default:
		return "", true
	}
}

// units are those that benchmarks report times in, by the ends of their names. A test sees that every row's unit is known.
var units = []struct {
	suffix string
	is     time.Duration
}{
	{"ns/op", time.Nanosecond}, {"-µs", time.Microsecond}, {"-ms", time.Millisecond},
}

// show writes a figure the way people read it: 412 ns, 3.1 ms, 19,400/s, 61.2 MiB, 2.26 bytes, 0.0015 %.
func show(value float64, unit string) string {
	for _, u := range units {
		if strings.HasSuffix(unit, u.suffix) {
			return showTime(value * float64(u.is))
		}
	}
	if strings.HasSuffix(unit, "/s") {
		return group(value) + "/s"
	}
	if strings.HasSuffix(unit, "-MiB") {
		return group(value) + " MiB"
	}
	if strings.HasSuffix(unit, "-bytes") {
		return group(value) + " bytes"
	}
	if strings.HasSuffix(unit, "-%") {
		return fmt.Sprintf("%.4f %%", value) // shares that small need their digits
	}
	return fmt.Sprintf("%g %s", value, unit)
}

func showTime(nanoseconds float64) string {
	switch {
	case nanoseconds < 1e3:
		return group(nanoseconds) + " ns"
	case nanoseconds < 1e6:
		return group(nanoseconds/1e3) + " µs"
	case nanoseconds < 1e9:
		return group(nanoseconds/1e6) + " ms"
	default:
		return group(nanoseconds/1e9) + " s"
	}
}

// group rounds to what the eye can use, and sets thousands apart.
func group(value float64) string {
	switch {
	case value < 10:
		return fmt.Sprintf("%.2f", value)
	case value < 100:
		return fmt.Sprintf("%.1f", value)
	}
	digits := fmt.Sprintf("%.0f", value)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}
