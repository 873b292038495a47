package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/leak"
)

func (c *selftestEnumerationCmd) print(w io.Writer, r enumeration.Report) error {
	if c.JSON {
		return printReportJSON(w, r)
	}
	t := newTable(w, "CALL", "STATE", "N", "KNOWN", "UNKNOWN", "DIFFERENCE (99 %)", "T", "P", "P OF U", "SHAPE", "VERDICT")
	for _, row := range r.Rows {
		t.row(append([]string{row.Entry, string(row.State)}, figures(row)...)...)
	}
	if err := t.flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "\nMedians, in milliseconds. P is corrected for all %d comparisons: below %g a difference is no chance.\n", r.Comparisons(), c.criteria().Error)
	for _, row := range r.Rows {
		for _, shape := range row.Shapes {
			fmt.Fprintf(w, "%s, %s: %s\n", row.Entry, row.State, shape)
		}
	}
	for _, doubt := range r.Doubts() {
		fmt.Fprintf(w, "doubtful: %s\n", doubt)
	}
	fmt.Fprintln(w, concluded(r))
	return nil
}

// figures are a row's cells.
func figures(row enumeration.Row) []string {
	if row.N == 0 {
		return []string{"0", "-", "-", "-", "-", "-", "-", shapeText(row), string(row.Verdict) + ", not reached"}
	}
	return []string{
		fmt.Sprint(row.N), millis(row.Known), millis(row.Unknown),
		fmt.Sprintf("%s [%s, %s]", millis(row.Difference), millis(row.Low), millis(row.High)),
		fmt.Sprintf("%.1f", row.Welch.Statistic), probability(row.Welch.P), probability(row.Ranks.P), shapeText(row), string(row.Verdict),
	}
}

// concluded is the last line.
func concluded(r enumeration.Report) string {
	took := r.Took.Round(time.Second)
	switch {
	case r.Leaks():
		return fmt.Sprintf("Strangers can tell who has an account. Took %s.", took)
	case len(r.Doubts()) > 0:
		return fmt.Sprintf("Nothing was found, and something might have been missed. Took %s.", took)
	}
	return fmt.Sprintf("No answer differs in shape, and no median in time by more than %s ms, at 99 %%. Took %s.", millis(r.Reach()), took)
}

func shapeText(row enumeration.Row) string {
	switch {
	case len(row.Shapes) > 0:
		return fmt.Sprintf("%d differ", len(row.Shapes))
	case row.Verdict == leak.ShapeLeak:
		return "other shares"
	}
	return "same"
}

func millis(d time.Duration) string { return fmt.Sprintf("%.3f", float64(d)/float64(time.Millisecond)) }

func probability(p float64) string { return fmt.Sprintf("%.2g", p) }

// reportJSON is the result for scripts.
type reportJSON struct {
	Verdict     string    `json:"verdict"`
	TookSeconds float64   `json:"took_seconds"`
	Doubts      []string  `json:"doubts"`
	Rows        []rowJSON `json:"rows"`
}

type rowJSON struct {
	Method           string   `json:"method"`
	Call             string   `json:"call"`
	State            string   `json:"state"`
	Control          bool     `json:"control"`
	N                int      `json:"n"`
	KnownMS          float64  `json:"known_ms"`
	UnknownMS        float64  `json:"unknown_ms"`
	DifferenceMS     float64  `json:"difference_ms"`
	LowMS            float64  `json:"low_ms"`
	HighMS           float64  `json:"high_ms"`
	MeanDifferenceMS float64  `json:"mean_difference_ms"`
	T                float64  `json:"t"`
	P                float64  `json:"p"`
	Z                float64  `json:"z"`
	PRanks           float64  `json:"p_ranks"`
	Shapes           []string `json:"shapes"`
	Verdict          string   `json:"verdict"`
}

func printReportJSON(w io.Writer, r enumeration.Report) error {
	out := reportJSON{Verdict: "same", TookSeconds: r.Took.Seconds(), Doubts: append([]string{}, r.Doubts()...)}
	switch {
	case r.Leaks():
		out.Verdict = "leak"
	case len(out.Doubts) > 0:
		out.Verdict = "unclear"
	}
	ms := func(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
	for _, row := range r.Rows {
		shapes := []string{}
		for _, shape := range row.Shapes {
			shapes = append(shapes, shape.String())
		}
		out.Rows = append(out.Rows, rowJSON{
			Method: row.Method, Call: row.Entry, State: string(row.State), Control: row.Control, N: row.N,
			KnownMS: ms(row.Known), UnknownMS: ms(row.Unknown), DifferenceMS: ms(row.Difference), LowMS: ms(row.Low), HighMS: ms(row.High),
			MeanDifferenceMS: ms(row.MeanDifference), T: row.Welch.Statistic, P: row.Welch.P, Z: row.Ranks.Statistic, PRanks: row.Ranks.P,
			Shapes: shapes, Verdict: strings.ToLower(string(row.Verdict)),
		})
	}
	text, err := json.MarshalIndent(out, "", "  ")
	if err != nil {
		return fmt.Errorf("print as JSON: %w", err)
	}
	fmt.Fprintln(w, string(text))
	return nil
}
