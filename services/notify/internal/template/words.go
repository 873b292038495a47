package template

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// maxLine is how many characters of a value are shown, more than any honest
// device, place or address needs on one line.
const maxLine = 120

// words are the functions the templates call. The files use `line` on every
// value that somebody else chose.
var words = map[string]any{
	"line":    oneLine,
	"known":   known,
	"moment":  moment,
	"clock":   clock,
	"fact":    newFact,
	"count":   count,
	"methods": methods,
}

// oneLine brings a stranger's words to one short line. Line breaks would let a
// device's name write paragraphs of the text mail, and invisible or
// direction-changing characters would let it disguise them.
func oneLine(value string) string {
	visible := strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || unicode.IsControl(r):
			return ' '
		case !unicode.IsPrint(r) || r == unicode.ReplacementChar:
			return -1
		default:
			return r
		}
	}, value)
	short := []rune(strings.Join(strings.Fields(visible), " "))
	if len(short) > maxLine {
		short = append(short[:maxLine-1], '…')
	}
	return string(short)
}

// known says so when a value isn't known.
func known(value string) string {
	if value = oneLine(value); value != "" {
		return value
	}
	return "Unknown"
}

// moment is a time as a person reads it. UTC, as the reader's own zone isn't known.
func moment(at time.Time) string { return at.UTC().Format("2 January 2006, 15:04 UTC") }

func clock(at time.Time) string { return at.UTC().Format("15:04 UTC") }

// fact is one row of an HTML mail's table.
type fact struct{ Name, Value string }

func newFact(name, value string) fact { return fact{Name: name, Value: value} }

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return strconv.Itoa(n) + " " + many
}

func methods(used []Method) string {
	names := make([]string, 0, len(used))
	for _, method := range used {
		switch method {
		case Password:
			names = append(names, "password")
		case EmailCode:
			names = append(names, "a mailed code")
		case Asserted:
			names = append(names, "confirmed by the application")
		default:
			names = append(names, "another way")
		}
	}
	if len(names) == 0 {
		return "Unknown"
	}
	joined := strings.Join(names, " and ")
	return strings.ToUpper(joined[:1]) + joined[1:]
}
