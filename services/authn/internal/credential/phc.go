package credential

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/credential/foreign"
)

// ErrMalformed says that a stored password hash can't be read. It is a fault of the store, never of who signs in.
var ErrMalformed = errors.New("credential: the stored password hash is malformed")

// Bounds of what is read from a store or a config, so that no string can ask for more memory or time than the pool
// is made for.
const (
	minMemoryPerThread = 8 // KiB, by RFC 9106
	maxMemoryKiB       = 256 << 10
	maxTime            = 16
	maxThreads         = 16
	minSalt, maxSalt   = 8, 64
	minKey, maxKey     = 16, 64
	maxPHC             = 256 // bytes; the longest string within the other bounds has 207
	argonVersion       = "v=19"
)

// Params are argon2id's costs.
type Params struct {
	MemoryKiB uint32
	Time      uint32 // passes over the memory
	Threads   uint8
}

// DefaultParams are those that OWASP's Password Storage Cheat Sheet lists first for servers: 19 MiB, two passes.
func DefaultParams() Params { return Params{MemoryKiB: 19456, Time: 2, Threads: 1} }

// Validate reports parameters that argon2id doesn't have or that this package doesn't take on.
func (p Params) Validate() error {
	switch {
	case p.Threads < 1 || p.Threads > maxThreads:
		return fmt.Errorf("credential: threads must be 1 to %d", maxThreads)
	case p.Time < 1 || p.Time > maxTime:
		return fmt.Errorf("credential: time must be 1 to %d passes", maxTime)
	case p.MemoryKiB < minMemoryPerThread*uint32(p.Threads) || p.MemoryKiB > maxMemoryKiB:
		return fmt.Errorf("credential: memory must be %d KiB a thread to %d KiB in all", minMemoryPerThread, maxMemoryKiB)
	}
	return nil
}

// PHC is a stored password: parameters, salt and hash in one string, of our own form or of a foreign one. It prints as
// [redacted], because whoever reads it can guess passwords against it; a store writes PHC.Reveal and reads with WrapPHC.
// The zero value is no password.
type PHC struct{ secret.Text }

// WrapPHC takes a string from the store. It is read when it is used.
func WrapPHC(stored string) PHC { return PHC{secret.Wrap(stored)} }

// form is a PHC string in parts.
type form struct {
	params    Params
	salt, key []byte
}

// format writes $argon2id$v=19$m=19456,t=2,p=1$salt$key, with base64 unpadded.
func (f form) format() PHC {
	b64 := base64.RawStdEncoding
	return WrapPHC(fmt.Sprintf("$argon2id$%s$m=%d,t=%d,p=%d$%s$%s", argonVersion,
		f.params.MemoryKiB, f.params.Time, f.params.Threads, b64.EncodeToString(f.salt), b64.EncodeToString(f.key)))
}

// parse reads exactly what format writes: no other order, spelling or version.
func parse(stored PHC) (form, error) {
	f, err := read(stored)
	if err != nil {
		return form{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	return f, nil
}

// read is parse with foreign's errors, which say whether a form is malformed or too costly, and name the bound.
func read(stored PHC) (form, error) {
	text := stored.Reveal()
	if len(text) > maxPHC {
		return form{}, malformed("it is too long")
	}
	fields := strings.Split(text, "$")
	if len(fields) != 6 || fields[0] != "" || fields[1] != "argon2id" || fields[2] != argonVersion {
		return form{}, malformed("it isn't $argon2id$v=19$m=…,t=…,p=…$salt$key")
	}
	params, err := readParams(fields[3])
	if err != nil {
		return form{}, err
	}
	salt, ok := parseBytes(fields[4], minSalt, maxSalt)
	if !ok {
		return form{}, malformed("the salt isn't 8 to 64 bytes in base64")
	}
	key, ok := parseBytes(fields[5], minKey, maxKey)
	if !ok {
		return form{}, malformed("the key isn't 16 to 64 bytes in base64")
	}
	return form{params: params, salt: salt, key: key}, nil
}

func malformed(what string) error { return fmt.Errorf("argon2id: %w: %s", foreign.ErrMalformed, what) }

func tooCostly(bound string) error {
	return fmt.Errorf("argon2id: %w: at most %s", foreign.ErrTooCostly, bound)
}

// readParams takes what Params.Validate does, and says what is wrong with the rest.
func readParams(s string) (Params, error) {
	parts := strings.Split(s, ",")
	if len(parts) != 3 {
		return Params{}, malformed("the parameters aren't m=…,t=…,p=…")
	}
	memory, ok1 := parseNumber(parts[0], "m=")
	passes, ok2 := parseNumber(parts[1], "t=")
	threads, ok3 := parseNumber(parts[2], "p=")
	switch {
	case !ok1 || !ok2 || !ok3:
		return Params{}, malformed("the parameters aren't m=…,t=…,p=…")
	case passes < 1 || threads < 1 || memory < minMemoryPerThread*threads:
		return Params{}, malformed("argon2 has no such parameters")
	case threads > maxThreads:
		return Params{}, tooCostly("16 threads")
	case memory > maxMemoryKiB:
		return Params{}, tooCostly("256 MiB")
	case passes > maxTime:
		return Params{}, tooCostly("16 passes")
	}
	return Params{MemoryKiB: uint32(memory), Time: uint32(passes), Threads: uint8(threads)}, nil
}

// parseNumber refuses signs, leading zeros and anything else that would be written differently.
func parseNumber(s, name string) (uint64, bool) {
	digits, found := strings.CutPrefix(s, name)
	n, err := strconv.ParseUint(digits, 10, 32)
	return n, found && err == nil && strconv.FormatUint(n, 10) == digits
}

func parseBytes(s string, minLen, maxLen int) ([]byte, bool) {
	b, err := base64.RawStdEncoding.Strict().DecodeString(s)
	if err != nil || len(b) < minLen || len(b) > maxLen {
		return nil, false
	}
	// The decoder skips line breaks; the length shows whether there were any.
	return b, base64.RawStdEncoding.EncodedLen(len(b)) == len(s)
}
