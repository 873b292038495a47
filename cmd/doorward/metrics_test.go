package main

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/doorward/doorward/cmd/doorward/internal/story"
)

var update = flag.Bool("update", false, "write docs/metrics.md anew; what to do about a metric stays as it is")

const metricsPage = "../../docs/metrics.md"

// TestMetricsAreDocumented looks at what the real services show after the story: the page has all of it and nothing else, and alerts and
// dashboard ask for nothing else.
func TestMetricsAreDocumented(t *testing.T) {
	o := observe(t)
	must(t, story.Play(t.Context(), o.world()))
	families, err := o.registry.Gather() // while it runs: a store that is closed takes its metrics along
	must(t, err)
	comparePage(t, families)
	for where, expr := range expressions(t) {
		expectKnown(t, where, expr, families)
	}
}

// comparePage compares the page's table with the metrics, both ways. One whose last column is empty isn't documented: nobody knows what to do
// about it.
func comparePage(t *testing.T, families []*dto.MetricFamily) {
	t.Helper()
	page, err := os.ReadFile(metricsPage)
	must(t, err)
	before, advice, after := takeApart(t, string(page))
	var table strings.Builder
	for _, f := range families {
		if !strings.HasPrefix(f.GetName(), "doorward_") {
			continue
		}
		row := rowOf(f)
		if advice[f.GetName()] == "" {
			t.Errorf("%s has nothing in its last column: say what to do when it looks bad", f.GetName())
		}
		fmt.Fprintf(&table, "%s %s |\n", row, advice[f.GetName()])
		delete(advice, f.GetName())
	}
	for name := range advice {
		t.Errorf("%s is documented, and no service shows it", name)
	}
	want := before + table.String() + after
	if *update {
		must(t, os.WriteFile(metricsPage, []byte(want), 0o644))
	}
	if got := string(page); got != want && !*update {
		t.Errorf("docs/metrics.md isn't what the services show; look at: go test ./cmd/doorward -run MetricsAreDocumented -update, and git diff\n%s",
			firstDifference(got, want))
	}
}

// takeApart is the page before its table's rows, the rows' last column by metric, and the page after them.
func takeApart(t *testing.T, page string) (before string, advice map[string]string, after string) {
	t.Helper()
	advice = map[string]string{}
	const first = "|---|---|---|---|---|---|\n"
	before, rest, ok := strings.Cut(page, first)
	if !ok {
		t.Fatal("docs/metrics.md has no table of six columns")
	}
	for line := range strings.Lines(rest) {
		cells := strings.Split(strings.Trim(line, "|\n"), " | ")
		if !strings.HasPrefix(line, "| `doorward_") {
			break
		}
		rest = rest[len(line):]
		if len(cells) == 6 {
			advice[strings.Trim(cells[0], " `")] = strings.TrimSpace(cells[5])
		}
	}
	return before + first, advice, rest
}

// rowOf is a metric's row without its last column.
func rowOf(f *dto.MetricFamily) string {
	unit := "count"
	for _, suffix := range []string{"seconds", "bytes"} {
		if strings.Contains(f.GetName(), "_"+suffix) {
			unit = suffix
		}
	}
	labels := map[string]bool{}
	for _, m := range f.GetMetric() {
		for _, l := range m.GetLabel() {
			labels[l.GetName()] = true
		}
	}
	var names []string
	for name := range labels {
		names = append(names, name)
	}
	slices.Sort(names)
	return fmt.Sprintf("| `%s` | %s | %s | %s | %s |", f.GetName(), strings.ToLower(f.GetType().String()), strings.Join(names, ", "), unit, f.GetHelp())
}

func firstDifference(got, want string) string {
	a, b := strings.Split(got, "\n"), strings.Split(want, "\n")
	for i := range min(len(a), len(b)) {
		if a[i] != b[i] {
			return fmt.Sprintf("line %d is\n  %s\nand should be\n  %s", i+1, a[i], b[i])
		}
	}
	return fmt.Sprintf("%d lines, and %d expected", len(a), len(b))
}
