package foreign

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/bcrypt"
)

const (
	minBcryptCost, maxBcryptCost = bcrypt.MinCost, 14
	bcryptLength                 = 60
	bcryptHead                   = len("$2b$12$")
	bcryptCounted                = 72 // bytes of a password
)

// cryptAlphabet is that of bcrypt and of the crypt family, which isn't base64's.
const cryptAlphabet = "./0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// parseBcrypt reads $2b$12$ and 53 characters: salt and hash. $2a$, $2b$ and $2y$ are the same function; $2x$ marks
// hashes of an old fault, and isn't known here.
func parseBcrypt(stored string) (Form, error) {
	const kind = "bcrypt"
	if len(stored) != bcryptLength || stored[bcryptHead-1] != '$' || !ofCryptAlphabet(stored[bcryptHead:]) {
		return Form{}, malformed(kind, "it isn't $2b$, two digits of cost, $, and 53 characters")
	}
	cost, ok := number(strings.TrimPrefix(stored[bcryptHead-3:bcryptHead-1], "0"))
	if !ok || cost < minBcryptCost {
		return Form{}, malformed(kind, "the cost isn't a number from 04")
	}
	if cost > maxBcryptCost {
		return Form{}, tooCostly(kind, "cost 14")
	}
	return Form{
		Kind:     kind,
		Work:     1 << cost,
		Specimen: fmt.Sprintf("$2b$%02d$%s", cost, strings.Repeat(".", bcryptLength-bcryptHead)),
		counted:  bcryptCounted,
		matches: func(password []byte) bool {
			return bcrypt.CompareHashAndPassword([]byte(stored), password) == nil
		},
	}, nil
}

func ofCryptAlphabet(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return !strings.ContainsRune(cryptAlphabet, r) }) < 0
}
