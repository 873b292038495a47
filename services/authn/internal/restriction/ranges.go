package restriction

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
)

// u128 is an IP address as a number; an IPv4 one is in the last 32 bits.
type u128 struct{ hi, lo uint64 }

func number(ip netip.Addr) u128 {
	if ip.Is4() {
		b := ip.As4()
		return u128{lo: uint64(binary.BigEndian.Uint32(b[:]))}
	}
	b := ip.As16()
	return u128{hi: binary.BigEndian.Uint64(b[:8]), lo: binary.BigEndian.Uint64(b[8:])}
}

func (a u128) compare(b u128) int {
	if a.hi != b.hi {
		return cmp.Compare(a.hi, b.hi)
	}
	return cmp.Compare(a.lo, b.lo)
}

// prefix keeps the first bits.
func (a u128) prefix(bits uint8) u128 {
	if bits <= 64 {
		return u128{hi: a.hi &^ (^uint64(0) >> bits)}
	}
	return u128{hi: a.hi, lo: a.lo &^ (^uint64(0) >> (bits - 64))}
}

// span is a prefix: its first address, how many of the 128 bits are fixed, and where its record is.
type span struct {
	first  u128
	offset uint32
	bits   uint8
}

// v4Bits are those above an IPv4 address.
const v4Bits = 128 - 32

func spanOf(name string) (s span, isV4 bool, err error) {
	prefix, err := netip.ParsePrefix(name)
	if err != nil || prefix.Masked() != prefix || prefix.Addr().Is4In6() {
		return span{}, false, fmt.Errorf("the range %q is damaged: remove it and add it again", clip(name))
	}
	s = span{first: number(prefix.Addr()), bits: uint8(prefix.Bits())}
	if prefix.Addr().Is4() {
		s.bits += v4Bits
		return s, true, nil
	}
	return s, false, nil
}

func (s span) contains(ip u128) bool { return ip.prefix(s.bits) == s.first }

// ranges are prefixes in the order of their first addresses, the wider before the narrower. Two prefixes either hold one another or don't
// meet. So the last one that begins at or before an address, and those around it, are the only ones that can hold the address.
type ranges struct {
	firsts []u128 // apart from the rest, so that a search touches few cache lines
	// sampled is every 32nd of firsts: what a search through them touches stays in the processor's cache.
	sampled []u128
	rest    []rangeRest
}

const sampling = 32

type rangeRest struct {
	// around is the place of the narrowest range that holds this one; -1 for none.
	around int32
	// offset is where the range's record is.
	offset uint32
	bits   uint8
}

// newRanges takes the latest of the spans that are the same prefix, which has the greatest offset.
func newRanges(spans []span) ranges {
	slices.SortFunc(spans, func(a, b span) int {
		return cmp.Or(a.first.compare(b.first), cmp.Compare(a.bits, b.bits), cmp.Compare(b.offset, a.offset))
	})
	spans = slices.CompactFunc(spans, func(a, b span) bool { return a.first == b.first && a.bits == b.bits })
	r := ranges{firsts: make([]u128, len(spans)), rest: make([]rangeRest, len(spans))}
	around := int32(-1)
	for i, s := range spans {
		for around >= 0 && !spans[around].contains(s.first) {
			around = r.rest[around].around
		}
		r.firsts[i], r.rest[i] = s.first, rangeRest{around: around, offset: s.offset, bits: s.bits}
		around = int32(i)
		if i%sampling == 0 {
			r.sampled = append(r.sampled, s.first)
		}
	}
	return r
}

// narrowest is the place of the narrowest range that holds an address; -1 for none.
func (r *ranges) narrowest(ip u128) int32 {
	block := after(r.sampled, ip) - 1
	if block < 0 {
		return -1
	}
	start := block * sampling
	i := int32(start + after(r.firsts[start:min(start+sampling, len(r.firsts))], ip) - 1)
	for i >= 0 && ip.prefix(r.rest[i].bits) != r.firsts[i] {
		i = r.rest[i].around
	}
	return i
}

// after is how many of the sorted numbers are at or before one.
func after(sorted []u128, ip u128) int {
	low, high := 0, len(sorted)
	for low < high {
		middle := int(uint(low+high) >> 1)
		if sorted[middle].compare(ip) <= 0 {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
