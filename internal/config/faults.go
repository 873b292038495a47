package config

import (
	"fmt"
	"strings"
)

// Fault is one thing that is wrong with the configuration.
type Fault struct {
	// Key is what to correct: "smtp.port".
	Key string
	// Problem says what is wrong and what would be right. It never holds a secret's value.
	Problem string
	// Source is where the value came from; Load fills it in.
	Source string
}

// Faults are all that is wrong. A non-empty one is the error of Load.
type Faults []Fault

var _ error = Faults(nil)

// Error lists the faults, one a line.
func (f Faults) Error() string {
	var b strings.Builder
	b.WriteString("the configuration can't be used:")
	for _, fault := range f {
		fmt.Fprintf(&b, "\n  %s: %s", fault.Key, fault.Problem)
		if fault.Source != "" {
			fmt.Fprintf(&b, " (%s)", fault.Source)
		}
	}
	return b.String()
}

// Validator is a config struct, at the top or within another, with rules between its fields.
type Validator interface {
	Validate() Faults
}
