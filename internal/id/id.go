// Package id makes and checks the identifiers that Doorward gives to what it stores: a user, a session, an event.
//
// An identifier is a short prefix that names its kind, an underscore, and 26 characters of lower-case Crockford
// base32: 48 bits of Unix time in milliseconds, then 80 random bits. So identifiers sort by the time they were made,
// say what they are when they turn up in a log, and need no coordination.
//
// An identifier is a name, not a credential: whoever knows one may do nothing because of it. Secrets come from
// package secret. Which prefixes exist is the business of the services that use them.
package id

import (
	"crypto/rand"
	"encoding/base32"
	"encoding/binary"
	"strings"
	"time"
)

const (
	alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
	rawLen   = 16 // 48 bits of time and 80 random bits
	bodyLen  = 26 // rawLen in base32
)

// encoding writes 128 bits into 26 characters; the last character carries three bits and two zeros.
var encoding = base32.NewEncoding(alphabet).WithPadding(base32.NoPadding)

// New returns a fresh identifier such as usr_06dk3v…; the prefix is given without its underscore.
// A prefix is a constant in the program, so one that isn't 1 to 8 lower-case letters is a bug and panics.
func New(prefix string, now time.Time) string {
	if !validPrefix(prefix) {
		panic("id: prefix must be 1 to 8 lower-case letters, without the underscore")
	}
	var raw [rawLen]byte
	ms := uint64(max(now.UnixMilli(), 0))
	binary.BigEndian.PutUint64(raw[:8], ms<<16)
	_, _ = rand.Read(raw[6:]) // never fails: the process ends first
	return prefix + "_" + encoding.EncodeToString(raw[:])
}

// Valid reports whether s is an identifier of this kind, in the one spelling that New gives it.
func Valid(prefix, s string) bool {
	kind, _, ok := parse(s)
	return ok && kind == prefix
}

// Time returns the moment at which s was made, to the millisecond, and false when s is no identifier.
func Time(s string) (time.Time, bool) {
	_, raw, ok := parse(s)
	if !ok {
		return time.Time{}, false
	}
	ms := binary.BigEndian.Uint64(raw[:8]) >> 16
	return time.UnixMilli(int64(ms)).UTC(), true
}

// parse splits s and refuses every spelling but the canonical one, so that an identifier is also a safe map key.
func parse(s string) (prefix string, raw [rawLen]byte, ok bool) {
	prefix, body, found := strings.Cut(s, "_")
	if !found || !validPrefix(prefix) || len(body) != bodyLen {
		return "", raw, false
	}
	decoded, err := encoding.DecodeString(body)
	if err != nil || len(decoded) != rawLen || encoding.EncodeToString(decoded) != body {
		return "", raw, false
	}
	return prefix, [rawLen]byte(decoded), true
}

func validPrefix(p string) bool {
	if len(p) == 0 || len(p) > 8 {
		return false
	}
	return strings.Trim(p, "abcdefghijklmnopqrstuvwxyz") == ""
}
