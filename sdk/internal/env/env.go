// Package env reads the SDK's settings from the environment and reports all that are missing at once, with the fix.
// It is called by FromEnv of the packages doorward and verify, and by nothing else.
package env

import (
	"errors"
	"os"
	"strings"
)

// ErrMissing is in the chain of the error that names the missing variables.
var ErrMissing = errors.New("run . .doorward/dev.env")

// Reader collects what is missing while variables are read.
type Reader struct {
	missing []string
}

// Need reads a variable that must be set and not be empty.
func (r *Reader) Need(name string) string {
	value := os.Getenv(name)
	if value == "" {
		r.missing = append(r.missing, name)
	}
	return value
}

// Err names every variable that Need looked for in vain, or is nil.
func (r *Reader) Err() error {
	if len(r.missing) == 0 {
		return nil
	}
	return &missingError{names: r.missing}
}

type missingError struct{ names []string }

// Error reads like `no DOORWARD_API_KEY: run . .doorward/dev.env`.
func (e *missingError) Error() string {
	return "no " + strings.Join(e.names, ", no ") + ": " + ErrMissing.Error()
}

func (*missingError) Unwrap() error { return ErrMissing }
