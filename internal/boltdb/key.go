package boltdb

import (
	"encoding/binary"
	"strings"
	"time"
)

// Keys of several parts sort as their parts do, the first one first. A part may
// hold any bytes: a zero byte is escaped, and each part ends with a mark that
// sorts before everything an escaped part can continue with. So Key("a") is a
// prefix of Key("a", "b") and of no Key("ab", …).
const (
	partEnd    = "\x00\x01"
	zero       = "\x00"
	escapeZero = "\x00\xff"
)

// Key builds a composite key. With fewer parts, it is the prefix of all keys
// that begin with them.
func Key(parts ...string) string {
	var b strings.Builder
	for _, part := range parts {
		b.WriteString(strings.ReplaceAll(part, zero, escapeZero))
		b.WriteString(partEnd)
	}
	return b.String()
}

// splitKey is the reverse of Key. What isn't a composite key is one part.
func splitKey(key string) []string {
	if !strings.HasSuffix(key, partEnd) {
		return []string{key}
	}
	parts := strings.Split(strings.TrimSuffix(key, partEnd), partEnd)
	for i, part := range parts {
		parts[i] = strings.ReplaceAll(part, escapeZero, zero)
	}
	return parts
}

// Number is a key, or a part of one, that sorts as n does.
func Number(n uint64) string {
	return string(binary.BigEndian.AppendUint64(nil, n))
}

// Time is a key, or a part of one, that sorts as t does (years 1678 to 2262).
func Time(t time.Time) string {
	const signBit = 1 << 63 // flipped, so that times before 1970 sort first
	return Number(uint64(t.UnixNano()) ^ signBit)
}
