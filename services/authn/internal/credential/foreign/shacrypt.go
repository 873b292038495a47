package foreign

import (
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"fmt"
	"hash"
	"strings"
)

const (
	defaultRounds        = 5000
	minRounds, maxRounds = 1000, 1_000_000
	maxCryptSalt         = 16
	// maxCryptPassword bounds the work, which grows with rounds times the password's length.
	maxCryptPassword = 128
)

// shaCrypt is one of the two functions of "Unix crypt using SHA-256 and SHA-512" by Ulrich Drepper, version 0.6 (2008-09;
// akkadia.org/drepper/SHA-crypt.txt, public domain). The numbers in comments are the steps of that text.
type shaCrypt struct {
	kind, prefix string
	new          func() hash.Hash
	length       int // of the hash as text
	encode       func(sum []byte) string
}

var (
	sha256Crypt = shaCrypt{"sha256-crypt", "$5$", sha256.New, 43, encodeSHA256}
	sha512Crypt = shaCrypt{"sha512-crypt", "$6$", sha512.New, 86, encodeSHA512}
)

// parseSHACrypt reads rounds, if they are said, salt and hash.
func parseSHACrypt(c shaCrypt, fields []string) (Form, error) {
	rounds := defaultRounds
	if len(fields) == 3 {
		said, found := strings.CutPrefix(fields[0], "rounds=")
		n, ok := number(said)
		if !found || !ok || n < minRounds {
			return Form{}, malformed(c.kind, "the rounds aren't a number from 1000")
		}
		if n > maxRounds {
			return Form{}, tooCostly(c.kind, "1000000 rounds")
		}
		rounds, fields = n, fields[1:]
	}
	if len(fields) != 2 {
		return Form{}, malformed(c.kind, "it isn't "+c.prefix+"rounds=…$salt$hash")
	}
	salt, want := fields[0], fields[1]
	if len(salt) > maxCryptSalt || salt == "" || strings.ContainsFunc(salt, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		return Form{}, malformed(c.kind, "the salt isn't 1 to 16 printable characters")
	}
	if len(want) != c.length || !ofCryptAlphabet(want) {
		return Form{}, malformed(c.kind, fmt.Sprintf("the hash isn't %d characters of crypt's alphabet", c.length))
	}
	return Form{
		Kind:     c.kind,
		Work:     rounds,
		Specimen: fmt.Sprintf("%srounds=%d$%s$%s", c.prefix, rounds, strings.Repeat(".", maxCryptSalt), strings.Repeat(".", c.length)),
		matches: func(password []byte) bool {
			counted := password[:min(len(password), maxCryptPassword)]
			got := c.encode(c.sum(counted, []byte(salt), rounds))
			return subtle.ConstantTimeCompare([]byte(got), []byte(want)) == 1 && len(password) <= maxCryptPassword
		},
	}, nil
}

// sum computes the hash.
func (c shaCrypt) sum(password, salt []byte, rounds int) []byte {
	last := c.first(password, salt)
	// 13-20: the password and the salt, each as long as it is and made of a digest.
	p := stretch(c.hash(strings.Repeat(string(password), len(password))), len(password))
	s := stretch(c.hash(strings.Repeat(string(salt), 16+int(last[0]))), len(salt))
	h := c.new()
	for i := range rounds { // 21
		h.Reset()
		odd := i%2 == 1
		h.Write(choose(odd, p, last))
		if i%3 != 0 {
			h.Write(s)
		}
		if i%7 != 0 {
			h.Write(p)
		}
		h.Write(choose(odd, last, p))
		last = h.Sum(last[:0])
	}
	return last
}

// first computes digest A, which the rounds begin with: steps 1 to 12.
func (c shaCrypt) first(password, salt []byte) []byte {
	b := c.hash(string(password) + string(salt) + string(password))
	a := c.new()
	a.Write(password)
	a.Write(salt)
	a.Write(stretch(b, len(password)))
	for n := len(password); n > 0; n >>= 1 {
		a.Write(choose(n&1 == 1, b, password))
	}
	return a.Sum(nil)
}

func (c shaCrypt) hash(text string) []byte {
	h := c.new()
	h.Write([]byte(text))
	return h.Sum(nil)
}

// stretch repeats a digest up to a length.
func stretch(digest []byte, length int) []byte {
	out := make([]byte, 0, length+len(digest))
	for len(out) < length {
		out = append(out, digest...)
	}
	return out[:length]
}

func choose(first bool, a, b []byte) []byte {
	if first {
		return a
	}
	return b
}

// encodeSHA256 and encodeSHA512 write a digest in crypt's order (22): three bytes from its three thirds at a time, whose
// places go round, and then what is left.
func encodeSHA256(sum []byte) string {
	var out []byte
	for i := range 10 {
		part := [3]byte{sum[i], sum[i+10], sum[i+20]}
		out = encode24(out, part[(3-i%3)%3], part[(4-i%3)%3], part[(5-i%3)%3], 4)
	}
	return string(encode24(out, 0, sum[31], sum[30], 3))
}

func encodeSHA512(sum []byte) string {
	var out []byte
	for i := range 21 {
		part := [3]byte{sum[i], sum[i+21], sum[i+42]}
		out = encode24(out, part[i%3], part[(i+1)%3], part[(i+2)%3], 4)
	}
	return string(encode24(out, 0, 0, sum[63], 2))
}

// encode24 writes 24 bits as characters of six, the lowest first.
func encode24(out []byte, high, middle, low byte, characters int) []byte {
	bits := uint(high)<<16 | uint(middle)<<8 | uint(low)
	for range characters {
		out = append(out, cryptAlphabet[bits&0x3f])
		bits >>= 6
	}
	return out
}
