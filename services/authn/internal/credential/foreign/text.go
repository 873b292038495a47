package foreign

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// number reads a decimal and refuses signs, leading zeros and anything else that would be written differently.
func number(s string) (int, bool) {
	n, err := strconv.ParseUint(s, 10, 31)
	return int(n), err == nil && strconv.FormatUint(n, 10) == s
}

// numbers reads name=number,name=number in the order of the names.
func numbers(s string, names ...string) ([]int, bool) {
	parts := strings.Split(s, ",")
	if len(parts) != len(names) {
		return nil, false
	}
	out := make([]int, len(names))
	for i, name := range names {
		digits, found := strings.CutPrefix(parts[i], name+"=")
		n, ok := number(digits)
		if !found || !ok {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}

// octets reads base64 of a length within bounds.
func octets(encoding *base64.Encoding, s string, least, most int) ([]byte, bool) {
	b, err := encoding.Strict().DecodeString(s)
	// The decoder skips line breaks; the length shows whether there were any.
	return b, err == nil && len(b) >= least && len(b) <= most && encoding.EncodedLen(len(b)) == len(s)
}

// zeros is base64 of as many zeros, for specimens.
func zeros(n int) string { return base64.RawStdEncoding.EncodeToString(make([]byte, n)) }
