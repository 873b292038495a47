package foreign

import (
	"crypto/pbkdf2"
	"crypto/sha1" //nolint:gosec // it is what these were stored with; within HMAC and thousands of rounds it isn't broken
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"hash"
	"strings"
)

// prf is PBKDF2's function, and how often it may be iterated in a second or so.
type prf struct {
	name          string
	new           func() hash.Hash
	size          int
	maxIterations int
}

var prfs = map[string]prf{
	"sha1":   {"sha1", sha1.New, sha1.Size, 4_000_000},
	"sha256": {"sha256", sha256.New, sha256.Size, 4_000_000},
	"sha512": {"sha512", sha512.New, sha512.Size, 1_000_000},
}

// parsePBKDF2 reads iterations, salt and key, in PHC's dialect and in passlib's, which has the bare number of
// iterations, a dot for base64's plus, and no name for sha1.
func parsePBKDF2(name string, fields []string) (Form, error) {
	digest, isPBKDF2 := strings.CutPrefix(name, "pbkdf2")
	if !isPBKDF2 {
		return Form{}, ErrUnknown
	}
	f, known := prfs[strings.TrimPrefix(digest, "-")]
	if digest == "" {
		f, known = prfs["sha1"]
	}
	if !known {
		return Form{}, ErrUnknown
	}
	if len(fields) != 3 {
		return Form{}, malformed(f.kind(), "it isn't $pbkdf2-…$i=…$salt$key")
	}
	iterations, ok := number(fields[0])
	if params, inPHC := numbers(fields[0], "i"); inPHC {
		iterations, ok = params[0], true
	} else if params, inPHC := numbers(fields[0], "i", "l"); inPHC {
		iterations, ok = params[0], params[1] == base64.RawStdEncoding.DecodedLen(len(fields[2]))
	}
	if !ok {
		return Form{}, malformed(f.kind(), "the iterations aren't a number, nor i=… with the key's length at most")
	}
	plus := strings.NewReplacer(".", "+")
	salt, ok := octets(base64.RawStdEncoding, plus.Replace(fields[1]), minSalt, maxSalt)
	if !ok {
		return Form{}, malformed(f.kind(), "the salt isn't 1 to 64 bytes in base64")
	}
	key, ok := octets(base64.RawStdEncoding, plus.Replace(fields[2]), minKey, maxKey)
	return f.form(iterations, salt, key, ok)
}

// parseDjango reads pbkdf2_sha256$iterations$salt$key, whose salt is text and whose key is padded.
func parseDjango(fields []string) (Form, error) {
	digest, isPBKDF2 := strings.CutPrefix(fields[0], "pbkdf2_")
	f, known := prfs[digest]
	if !isPBKDF2 || !known {
		return Form{}, ErrUnknown
	}
	if len(fields) != 4 {
		return Form{}, malformed(f.kind(), "it isn't pbkdf2_…$iterations$salt$key")
	}
	iterations, ok := number(fields[1])
	if !ok {
		return Form{}, malformed(f.kind(), "the iterations aren't a number")
	}
	salt := []byte(fields[2])
	if len(salt) < minSalt || len(salt) > maxSalt {
		return Form{}, malformed(f.kind(), "the salt isn't 1 to 64 characters")
	}
	key, ok := octets(base64.StdEncoding, fields[3], minKey, maxKey)
	return f.form(iterations, salt, key, ok)
}

func (f prf) kind() string { return "pbkdf2-" + f.name }

func (f prf) form(iterations int, salt, key []byte, keyOK bool) (Form, error) {
	if !keyOK {
		return Form{}, malformed(f.kind(), "the key isn't 16 to 64 bytes in base64")
	}
	if iterations < 1 {
		return Form{}, malformed(f.kind(), "there are no iterations")
	}
	blocks := (len(key) + f.size - 1) / f.size
	if iterations > f.maxIterations/blocks {
		return Form{}, tooCostly(f.kind(), fmt.Sprintf("%d iterations for all of the key's blocks", f.maxIterations))
	}
	return Form{
		Kind:     f.kind(),
		Work:     iterations * blocks,
		Specimen: fmt.Sprintf("$pbkdf2-%s$i=%d$%s$%s", f.name, iterations, zeros(16), zeros(len(key))),
		matches: func(password []byte) bool {
			got, err := pbkdf2.Key(f.new, string(password), salt, iterations, len(key))
			return err == nil && subtle.ConstantTimeCompare(got, key) == 1
		},
	}, nil
}
