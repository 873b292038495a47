package foreign

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/subtle"
	"encoding/base64"
	"fmt"

	"golang.org/x/crypto/scrypt"
)

// parseFirebase reads parameters, salt, separator, signer key and hash. Parameters, separator and key are a project's, and
// the same for all its users.
func parseFirebase(fields []string) (Form, error) {
	const kind = "firescrypt"
	if len(fields) != 5 {
		return Form{}, malformed(kind, "it isn't $firescrypt$ln=…,r=…$salt$separator$signer$hash")
	}
	params, ok := numbers(fields[0], "ln", "r")
	if !ok {
		return Form{}, malformed(kind, "the parameters aren't ln=…,r=…")
	}
	logN, r := params[0], params[1]
	if err := boundScrypt(kind, logN, r, 1); err != nil {
		return Form{}, err
	}
	salt, ok1 := octets(base64.RawStdEncoding, fields[1], minSalt, maxSalt)
	separator, ok2 := octets(base64.RawStdEncoding, fields[2], 0, maxSalt)
	if !ok1 || !ok2 {
		return Form{}, malformed(kind, "salt or separator isn't 64 bytes at most in base64")
	}
	signer, ok1 := octets(base64.RawStdEncoding, fields[3], minKey, maxKey)
	hash, ok2 := octets(base64.RawStdEncoding, fields[4], minKey, maxKey)
	if !ok1 || !ok2 || len(hash) != len(signer) {
		return Form{}, malformed(kind, "signer key and hash aren't of one length, 16 to 64 bytes in base64")
	}
	return Form{
		Kind:      kind,
		MemoryKiB: scryptMemory(logN, r),
		Work:      r << logN,
		Specimen:  fmt.Sprintf("$firescrypt$%s$%s$$%s$%s", fields[0], zeros(16), zeros(len(signer)), zeros(len(hash))),
		matches: func(password []byte) bool {
			got, ok := firebaseHash(password, append(salt[:len(salt):len(salt)], separator...), signer, logN, r)
			return ok && subtle.ConstantTimeCompare(got, hash) == 1
		},
	}, nil
}

// firebaseHash is the project's signer key, encrypted under the password's: AES-256 in counter mode from zero, as in
// github.com/firebase/scrypt.
func firebaseHash(password, salt, signer []byte, logN, r int) ([]byte, bool) {
	const keySize = 32
	key, err := scrypt.Key(password, salt, 1<<logN, r, 1, keySize)
	if err != nil {
		return nil, false
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, false
	}
	out := make([]byte, len(signer))
	cipher.NewCTR(block, make([]byte, aes.BlockSize)).XORKeyStream(out, signer)
	return out, true
}
