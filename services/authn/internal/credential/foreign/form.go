package foreign

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

var (
	// ErrUnknown says that a stored form is none of those that can be read.
	ErrUnknown = errors.New("not a form that is known: argon2id, argon2i, bcrypt, scrypt, pbkdf2, firescrypt, sha256-crypt or sha512-crypt")
	// ErrMalformed says that a stored form is of a known kind and isn't written as those are.
	ErrMalformed = errors.New("malformed")
	// ErrTooCostly says that checking it would take more time or memory than the hash pool is made for.
	ErrTooCostly = errors.New("too costly")
)

const (
	maxStored        = 512 // bytes; the longest within the other bounds has fewer
	maxMemoryKiB     = 256 << 10
	minKey, maxKey   = 16, 64
	minSalt, maxSalt = 1, 64
)

// Form is a stored password of another system, read.
type Form struct {
	// Kind is its name in this package's list.
	Kind string
	// Work is how much there is to compute: of two forms of a kind, the one with more takes longer.
	Work int
	// MemoryKiB is what checking it takes while it lasts, if that is worth speaking of.
	MemoryKiB int
	// Specimen is a form of the same kind and cost with nothing of anybody's in it. It is a form itself: whoever wants to
	// know what a lot of forms cost checks one specimen of each.
	Specimen string

	counted int // how many bytes of a password count; 0 for all
	matches func(password []byte) bool
}

// Matches computes one hash and compares in constant time, whatever the password is.
func (f Form) Matches(password []byte) bool {
	right := f.matches(password)
	return right && len(password) > 0 && bytes.IndexByte(password, 0) < 0
}

// Whole says whether all of a password is compared.
func (f Form) Whole(password []byte) bool { return f.counted == 0 || len(password) <= f.counted }

// Parse reads a stored form. Its errors are a reason for a report: they name what is wrong and the bound that is
// passed, and hold nothing of the form.
func Parse(stored string) (Form, error) {
	if len(stored) > maxStored {
		return Form{}, ErrUnknown
	}
	fields := strings.Split(stored, "$")
	if fields[0] != "" {
		return parseDjango(fields)
	}
	if len(fields) < 2 {
		return Form{}, ErrUnknown
	}
	switch name := fields[1]; name {
	case "argon2i":
		return parseArgon2i(fields[2:])
	case "2a", "2b", "2y":
		return parseBcrypt(stored)
	case "scrypt":
		return parseScrypt(fields[2:])
	case "firescrypt":
		return parseFirebase(fields[2:])
	case "5":
		return parseSHACrypt(sha256Crypt, fields[2:])
	case "6":
		return parseSHACrypt(sha512Crypt, fields[2:])
	default:
		return parsePBKDF2(name, fields[2:])
	}
}

func malformed(kind, what string) error { return fmt.Errorf("%s: %w: %s", kind, ErrMalformed, what) }

func tooCostly(kind, bound string) error {
	return fmt.Errorf("%s: %w: at most %s", kind, ErrTooCostly, bound)
}
