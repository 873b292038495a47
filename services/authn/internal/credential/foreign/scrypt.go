package foreign

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

const (
	// maxScryptWork bounds N × r × p, and so the memory too: N × r × 128 bytes.
	maxScryptWork = maxMemoryKiB << 10 / scryptBlock
	scryptBlock   = 128
	// maxScryptR and maxScryptP are far above what anybody uses, and keep the products within an int.
	maxScryptR, maxScryptP, maxScryptLogN = 64, 64, 21
)

// parseScrypt reads parameters, salt and key.
func parseScrypt(fields []string) (Form, error) {
	const kind = "scrypt"
	if len(fields) != 3 {
		return Form{}, malformed(kind, "it isn't $scrypt$ln=…,r=…,p=…$salt$key")
	}
	params, ok := numbers(fields[0], "ln", "r", "p")
	if !ok {
		return Form{}, malformed(kind, "the parameters aren't ln=…,r=…,p=…")
	}
	logN, r, p := params[0], params[1], params[2]
	if err := boundScrypt(kind, logN, r, p); err != nil {
		return Form{}, err
	}
	salt, ok := octets(base64.RawStdEncoding, fields[1], minSalt, maxSalt)
	if !ok {
		return Form{}, malformed(kind, "the salt isn't 1 to 64 bytes in base64")
	}
	key, ok := octets(base64.RawStdEncoding, fields[2], minKey, maxKey)
	if !ok {
		return Form{}, malformed(kind, "the key isn't 16 to 64 bytes in base64")
	}
	return Form{
		Kind:      kind,
		MemoryKiB: scryptMemory(logN, r),
		Work:      r * p << logN,
		Specimen:  fmt.Sprintf("$scrypt$%s$%s$%s", fields[0], zeros(16), zeros(len(key))),
		matches: func(password []byte) bool {
			got, err := scrypt.Key(password, salt, 1<<logN, r, p, len(key))
			return err == nil && subtle.ConstantTimeCompare(got, key) == 1
		},
	}, nil
}

func boundScrypt(kind string, logN, r, p int) error {
	switch {
	case logN < 1 || r < 1 || p < 1:
		return malformed(kind, "scrypt has no such parameters")
	case logN > maxScryptLogN || r > maxScryptR || p > maxScryptP || r*p<<logN > maxScryptWork:
		return tooCostly(kind, "N × r × p = 2^21")
	}
	return nil
}

func scryptMemory(logN, r int) int { return r << logN * scryptBlock >> 10 }
