package corpus

import (
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	"errors"
	"fmt"
	"math"

	"github.com/doorward/doorward/internal/breach"
)

const (
	hashDigits   = 2 * sha1.Size
	prefixDigits = 5
	suffixDigits = hashDigits - prefixDigits
	ntlmDigits   = 32
	// maxLine bounds a line: a hash, a colon and the longest number.
	maxLine = hashDigits + 1 + 20
)

// Why a line is refused. None of them says what is in it: it may be a password in the clear.
var (
	errLong     = errors.New("the line is too long for a SHA-1 hash and a count")
	errDigits   = errors.New("not a SHA-1 hash: that is 40 hexadecimal digits, or 35 in a file whose name is the other 5")
	errNTLM     = errors.New("32 hexadecimal digits, such as an NTLM hash: download the corpus of SHA-1 hashes")
	errNoPrefix = errors.New("35 digits of a hash, and the file's name isn't the other 5: give the file the name that it was downloaded as")
	errCount    = errors.New("after the hash there must be a colon and a number, or nothing")
)

// line is what a line says.
type line struct {
	hash    breach.Hash
	count   uint64
	counted bool // it has a count
}

// parseLine reads "hash" or "hash:count". In a file of one range, prefix is the five digits that its lines leave out, else empty.
func parseLine(text []byte, prefix string) (line, error) {
	if len(text) > maxLine {
		return line{}, errLong
	}
	digits := 0
	for digits < len(text) && hexValue[text[digits]] < 16 {
		digits++
	}
	var l line
	switch {
	case digits == hashDigits:
		unhex(l.hash[:], text[:digits])
	case digits == suffixDigits && prefix != "":
		var whole [hashDigits]byte
		copy(whole[:], prefix)
		copy(whole[prefixDigits:], text[:digits])
		unhex(l.hash[:], whole[:])
	case digits == suffixDigits:
		return line{}, errNoPrefix
	case digits == ntlmDigits:
		return line{}, errNTLM
	default:
		return line{}, errDigits
	}
	var err error
	l.count, l.counted, err = parseCount(text[digits:])
	return l, err
}

// parseCount reads ":count", or nothing, which stands for once.
func parseCount(text []byte) (count uint64, counted bool, err error) {
	if len(text) == 0 {
		return 1, false, nil
	}
	if text[0] != ':' || len(text) == 1 {
		return 0, false, errCount
	}
	for _, c := range text[1:] {
		if c < '0' || c > '9' || count > (math.MaxUint64-9)/10 {
			return 0, false, errCount
		}
		count = 10*count + uint64(c-'0')
	}
	return count, true, nil
}

// hexValue is the value of a hexadecimal digit; 255 for every other byte.
var hexValue = func() (values [256]byte) {
	for i := range values {
		values[i] = 255
	}
	for i, c := range "0123456789abcdef" {
		values[c] = byte(i)
	}
	for i, c := range "ABCDEF" {
		values[c] = byte(10 + i)
	}
	return values
}()

// unhex writes the bytes that digits stand for, which have been looked at.
func unhex(to, digits []byte) {
	for i := range to {
		to[i] = hexValue[digits[2*i]]<<4 | hexValue[digits[2*i+1]]
	}
}

// refused says where a line was that can't be taken.
func refused(path string, number int, why error) error {
	return fmt.Errorf("%s, line %d: %w", path, number, why)
}
