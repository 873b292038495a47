package audit

import (
	"fmt"
	"strings"
)

// Details builds a record's Detail from names and values in turn, as slog does
// with its attributes. Values are formatted as a log would format them, so that
// a secret type prints as redacted. Text that is too long is cut.
func Details(pairs ...any) map[string]string {
	detail := make(map[string]string, len(pairs)/2)
	for ; len(pairs) >= 2; pairs = pairs[2:] {
		detail[fmt.Sprint(pairs[0])] = cut(fmt.Sprint(pairs[1]))
	}
	if len(pairs) == 1 {
		// A value without a name is a slip that a reader should see.
		detail["!unnamed"] = cut(fmt.Sprint(pairs[0]))
	}
	return detail
}

const cutMark = "…"

// cut shortens text to what a record may hold, between two characters.
func cut(text string) string {
	if len(text) <= maxText {
		return text
	}
	return strings.ToValidUTF8(text[:maxText-len(cutMark)], "") + cutMark
}
