package enumeration

import (
	"crypto/sha512"
	"encoding/base64"
	"fmt"
)

// The sizes that both forms have for salt and digest.
const (
	saltBytes     = 16
	argon2Bytes   = 32
	bcryptBytes   = 23
	argon2Prefix  = "$argon2id$v=19$m=19456,t=2,p=1$"
	bcryptLetters = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
)

var bcryptEncoding = base64.NewEncoding(bcryptLetters).WithPadding(base64.NoPadding)

// unknown are a salt and a digest for a name, which is no secret. To know them is to have a digest and no password for it: they come from no password, and
// who looks for one has to guess against the hash as anybody who stole it would, for something that no person chose.
func unknown(name string, digest int) (salt, sum []byte) {
	bytes := sha512.Sum512([]byte("doorward selftest " + name))
	return bytes[:saltBytes], bytes[saltBytes : saltBytes+digest]
}

// unknownArgon2id is in the deployment's own form.
func unknownArgon2id(name string) string {
	salt, sum := unknown(name, argon2Bytes)
	encode := base64.RawStdEncoding.EncodeToString
	return argon2Prefix + encode(salt) + "$" + encode(sum)
}

// unknownBcrypt is in a form that takes longer.
func unknownBcrypt(name string, cost int) string {
	salt, sum := unknown(name, bcryptBytes)
	return fmt.Sprintf("$2b$%02d$%s%s", cost, bcryptEncoding.EncodeToString(salt), bcryptEncoding.EncodeToString(sum))
}
