package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/doorward/doorward/cmd/doorward/internal/userfile"
	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// refusalsShown is how many refused lines the terminal has; the report has all.
const refusalsShown = 20

// refusedLine is a line that was refused, in the report and as JSON. It has nothing of the line but its number.
type refusedLine struct {
	Line    int       `json:"line"`
	Reasons []refusal `json:"reasons"`
}

type refusal struct {
	// Reason is stable: line_invalid, or one of the contract's ImportReason.
	Reason string `json:"reason"`
	Field  string `json:"field,omitempty"`
	Text   string `json:"text"`
}

// importReport counts what became of lines, shows the first refusals, and writes all of them to where they are kept.
type importReport struct {
	DryRun  bool          `json:"dry_run"`
	Created int           `json:"created"`
	Same    int           `json:"same"`
	Refused int           `json:"refused"`
	Lines   []refusedLine `json:"refused_lines"`

	// path is where all refusals are, once they are.
	path string
	to   io.Writer
}

func newImportReport(dryRun bool) *importReport {
	return &importReport{DryRun: dryRun, Lines: []refusedLine{}, to: io.Discard}
}

// unreadable is a line that means no user.
func (r *importReport) unreadable(bad *userfile.LineError) error {
	line := refusedLine{Line: bad.Line}
	for _, p := range bad.Problems {
		line.Reasons = append(line.Reasons, refusal{Reason: "line_invalid", Field: p.Field, Text: p.Text})
	}
	return r.refuse(line)
}

// judged is what authn says of a line.
func (r *importReport) judged(number int, row *authnv1.ImportedRow) error {
	switch row.GetOutcome() {
	case authnv1.ImportOutcome_IMPORT_OUTCOME_CREATED:
		r.Created++
		return nil
	case authnv1.ImportOutcome_IMPORT_OUTCOME_SAME:
		r.Same++
		return nil
	case authnv1.ImportOutcome_IMPORT_OUTCOME_REFUSED, authnv1.ImportOutcome_IMPORT_OUTCOME_UNSPECIFIED:
	}
	line := refusedLine{Line: number}
	for _, f := range row.GetFaults() {
		reason := strings.ToLower(strings.TrimPrefix(f.GetReason().String(), "IMPORT_REASON_"))
		line.Reasons = append(line.Reasons, refusal{Reason: reason, Field: f.GetField(), Text: f.GetText()})
	}
	return r.refuse(line)
}

func (r *importReport) refuse(line refusedLine) error {
	r.Refused++
	if len(r.Lines) < refusalsShown {
		r.Lines = append(r.Lines, line)
	}
	text, err := json.Marshal(line)
	if err == nil {
		_, err = r.to.Write(append(text, '\n'))
	}
	if err != nil {
		return fmt.Errorf("write the report: %w", err)
	}
	return nil
}

// tell prints the counts and the first refusals.
func (r *importReport) tell(w io.Writer) {
	created := "accounts are new"
	if r.DryRun {
		created = "accounts would be new"
	}
	fmt.Fprintf(w, "%d %s, %d were imported before, %d lines are refused\n", r.Created, created, r.Same, r.Refused)
	if len(r.Lines) == 0 {
		return
	}
	t := newTable(w, "LINE", "REASON", "FIELD", "WHAT IS WRONG")
	for _, line := range r.Lines {
		for _, reason := range line.Reasons {
			t.row(strconv.Itoa(line.Line), reason.Reason, reason.Field, reason.Text)
		}
	}
	_ = t.flush() // as with all that is printed: nobody is there to be told
	switch more := r.Refused - len(r.Lines); {
	case r.path != "":
		fmt.Fprintf(w, "all refused lines: %s\n", r.path)
	case more > 0:
		fmt.Fprintf(w, "and %d more; --report FILE has all\n", more)
	}
}

func (r *importReport) json(w io.Writer) error {
	text := json.NewEncoder(w)
	text.SetIndent("", "  ")
	return text.Encode(r)
}

// verdict fails a command whose file has lines that were refused.
func (r *importReport) verdict() error {
	if r.Refused == 0 {
		return nil
	}
	if r.DryRun {
		return fmt.Errorf("%d lines would be refused; nothing was stored", r.Refused)
	}
	return fmt.Errorf("%d lines were refused; the others stand", r.Refused)
}
