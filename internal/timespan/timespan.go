// Package timespan reads and writes lengths of time as operators write them: 30s, 1h30m, 14d.
//
// It is time.Duration's own notation with days beside it, and without the zeros at the end. Policy files, flags and what authn says of a value
// that is out of its range have it, so that what is printed can be written back.
package timespan

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

const day = 24 * time.Hour

// errNoSpan is the rest of a sentence about what was written.
var errNoSpan = errors.New("must be a time such as 10s, 1h30m or 7d")

// Span is a length of time; as a flag's type it is read by Parse.
type Span time.Duration

// String is what Parse reads as the same span.
func (s Span) String() string { return Text(time.Duration(s)) }

// UnmarshalText reads a flag.
func (s *Span) UnmarshalText(text []byte) error {
	d, err := Parse(string(text))
	if err != nil {
		return err
	}
	*s = Span(d)
	return nil
}

// Parse reads what time.ParseDuration does, and whole days: 7d. No time is less than zero.
func Parse(text string) (time.Duration, error) {
	if digits, ok := strings.CutSuffix(text, "d"); ok {
		days, err := strconv.ParseUint(digits, 10, 16) // so many days fit into a Duration
		if err != nil {
			return 0, errNoSpan
		}
		return time.Duration(days) * day, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil || d < 0 {
		return 0, errNoSpan
	}
	return d, nil
}

// Text writes whole days as 7d, and leaves out zeros at the end.
func Text(d time.Duration) string {
	if d >= day && d%day == 0 {
		return fmt.Sprintf("%dd", d/day)
	}
	text := d.String()
	for _, nothing := range []string{"m0s", "h0m"} {
		if short, ok := strings.CutSuffix(text, nothing); ok {
			text = short + nothing[:1]
		}
	}
	return text
}
