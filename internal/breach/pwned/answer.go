package pwned

import (
	"bufio"
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	"errors"
	"io"
	"strconv"
	"strings"
)

const (
	prefixDigits = 5
	suffixDigits = 2*sha1.Size - prefixDigits
	// maxAnswer bounds an answer. A range has one or two thousand lines of 40 bytes, padding included.
	maxAnswer = 1 << 20
)

var (
	errTooLong   = errors.New("the answer is longer than any range")
	errNoRange   = errors.New("the answer isn't a range: is a proxy or a portal in between?")
	errEmpty     = errors.New("the answer is empty, and no range is")
	errCutShort  = errors.New("the answer broke off")
	errMalformed = errors.New("the answer has a line that isn't 35 digits, a colon and a count")
)

// find reads an answer to its end and returns the count of the suffix, 0 when it isn't there. Suffixes are in upper case.
func find(answer io.Reader, suffix string) (int, error) {
	limited := &io.LimitedReader{R: answer, N: maxAnswer + 1}
	lines := bufio.NewScanner(limited)
	count, seen := 0, 0
	for lines.Scan() {
		text := strings.TrimSuffix(lines.Text(), "\r")
		if text == "" {
			continue
		}
		digits, n, err := parse(text)
		if err != nil {
			if seen == 0 {
				return 0, errNoRange
			}
			return 0, cause(limited, err)
		}
		seen++
		if digits == suffix {
			count = n
		}
	}
	switch err := lines.Err(); {
	case limited.N <= 0:
		return 0, errTooLong
	case errors.Is(err, bufio.ErrTooLong):
		return 0, errNoRange
	case err != nil:
		return 0, errors.Join(errCutShort, err)
	case seen == 0:
		return 0, errEmpty
	}
	return count, nil
}

// cause is what made a line unreadable: the bound, when the answer goes on beyond it.
func cause(limited *io.LimitedReader, err error) error {
	if limited.N <= 0 {
		return errTooLong
	}
	return err
}

// parse reads a line, such as 1E4C9B93F3F0682250B6CF8331B7EE68FD8:3730471.
func parse(text string) (digits string, count int, err error) {
	digits, number, ok := strings.Cut(text, ":")
	if !ok || len(digits) != suffixDigits || strings.Trim(digits, "0123456789ABCDEFabcdef") != "" {
		return "", 0, errMalformed
	}
	count, err = strconv.Atoi(number)
	if err != nil || count < 0 || number[0] == '+' {
		return "", 0, errMalformed
	}
	return strings.ToUpper(digits), count, nil
}
