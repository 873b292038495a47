package foreign

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/argon2"
)

const (
	argon2Version        = "v=19" // 1.3, the one of RFC 9106; x/crypto has no other
	maxArgon2Threads     = 16
	maxArgon2Work        = 1 << 20 // KiB × passes
	minArgon2Salt        = 8
	argon2MemoryOfThread = 8 // KiB at least, by RFC 9106
)

// parseArgon2i reads version, parameters, salt and key.
func parseArgon2i(fields []string) (Form, error) {
	const kind = "argon2i"
	if len(fields) != 4 || fields[0] != argon2Version {
		return Form{}, malformed(kind, "it isn't $argon2i$v=19$m=…,t=…,p=…$salt$key")
	}
	params, ok := numbers(fields[1], "m", "t", "p")
	if !ok {
		return Form{}, malformed(kind, "the parameters aren't m=…,t=…,p=…")
	}
	memory, passes, threads := params[0], params[1], params[2]
	switch {
	case passes < 1 || threads < 1 || memory < argon2MemoryOfThread*threads:
		return Form{}, malformed(kind, "argon2 has no such parameters")
	case threads > maxArgon2Threads:
		return Form{}, tooCostly(kind, "16 threads")
	case memory > maxMemoryKiB:
		return Form{}, tooCostly(kind, "256 MiB")
	case passes > maxArgon2Work/memory:
		return Form{}, tooCostly(kind, "memory × passes = 1 GiB")
	}
	salt, ok := octets(base64.RawStdEncoding, fields[2], minArgon2Salt, maxSalt)
	if !ok {
		return Form{}, malformed(kind, "the salt isn't 8 to 64 bytes in base64")
	}
	key, ok := octets(base64.RawStdEncoding, fields[3], minKey, maxKey)
	if !ok {
		return Form{}, malformed(kind, "the key isn't 16 to 64 bytes in base64")
	}
	return Form{
		Kind:      kind,
		MemoryKiB: memory,
		Work:      memory * passes,
		Specimen:  fmt.Sprintf("$argon2i$%s$%s$%s$%s", argon2Version, fields[1], zeros(16), zeros(len(key))),
		matches: func(password []byte) bool {
			got := argon2.Key(password, salt, uint32(passes), uint32(memory), uint8(threads), uint32(len(key)))
			return subtle.ConstantTimeCompare(got, key) == 1
		},
	}, nil
}
