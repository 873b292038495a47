package userimport

import (
	"fmt"
	"strings"
)

// LineError says why a line is refused.
type LineError struct {
	Line     int
	Problems []Problem
}

// Problem is one reason. Field is the key it is about, and empty when it is about the line.
type Problem struct {
	Field, Text string
}

// Error gives the line and all reasons, for a report.
func (e *LineError) Error() string {
	reasons := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		if reasons[i] = p.Text; p.Field != "" {
			reasons[i] = p.Field + " " + p.Text
		}
	}
	return fmt.Sprintf("line %d: %s", e.Line, strings.Join(reasons, "; "))
}
