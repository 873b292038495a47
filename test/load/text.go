package load

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Table shows the counts, a line for each kind.
func (l *Ledger) Table() string {
	var text strings.Builder
	table := tabwriter.NewWriter(&text, 0, 0, 2, ' ', tabwriter.AlignRight)
	for _, outcome := range Outcomes() {
		fmt.Fprintf(table, "\t%s", outcome)
	}
	fmt.Fprintln(table, "\t")
	for _, kind := range Kinds() {
		fmt.Fprint(table, kind)
		for _, outcome := range Outcomes() {
			fmt.Fprintf(table, "\t%d", l.Count(kind, outcome))
		}
		fmt.Fprintln(table, "\t")
	}
	_ = table.Flush() // to memory
	return text.String()
}
