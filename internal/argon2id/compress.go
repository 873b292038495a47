package argon2id

import "math/bits"

// words is how many 64-bit words a block of 1 KiB has.
const words = 128

type block [words]uint64

// compressGeneric sets out to G(x, y) of RFC 9106, 3.5, or adds it to what is there, as all passes but the first do. out may be x or y.
func compressGeneric(out, x, y *block, add bool) {
	var r block
	for i := range r {
		r[i] = x[i] ^ y[i]
	}
	g := r
	permuteAll(&g)
	if add {
		for i := range out {
			out[i] ^= g[i] ^ r[i]
		}
		return
	}
	for i := range out {
		out[i] = g[i] ^ r[i]
	}
}

// permuteAll applies P to the eight rows of a block, and then to its eight columns, which are two words wide.
func permuteAll(b *block) {
	for row := 0; row < words; row += 16 {
		permute(
			&b[row], &b[row+1], &b[row+2], &b[row+3], &b[row+4], &b[row+5], &b[row+6], &b[row+7],
			&b[row+8], &b[row+9], &b[row+10], &b[row+11], &b[row+12], &b[row+13], &b[row+14], &b[row+15],
		)
	}
	for column := 0; column < 16; column += 2 {
		permute(
			&b[column], &b[column+1], &b[column+16], &b[column+17], &b[column+32], &b[column+33], &b[column+48], &b[column+49],
			&b[column+64], &b[column+65], &b[column+80], &b[column+81], &b[column+96], &b[column+97], &b[column+112], &b[column+113],
		)
	}
}

// permute is P: a round of BLAKE2b in which additions also multiply (RFC 9106, 3.6).
func permute(p00, p01, p02, p03, p04, p05, p06, p07, p08, p09, p10, p11, p12, p13, p14, p15 *uint64) {
	v00, v01, v02, v03 := *p00, *p01, *p02, *p03
	v04, v05, v06, v07 := *p04, *p05, *p06, *p07
	v08, v09, v10, v11 := *p08, *p09, *p10, *p11
	v12, v13, v14, v15 := *p12, *p13, *p14, *p15

	v00, v04, v08, v12 = quarter(v00, v04, v08, v12)
	v01, v05, v09, v13 = quarter(v01, v05, v09, v13)
	v02, v06, v10, v14 = quarter(v02, v06, v10, v14)
	v03, v07, v11, v15 = quarter(v03, v07, v11, v15)

	v00, v05, v10, v15 = quarter(v00, v05, v10, v15)
	v01, v06, v11, v12 = quarter(v01, v06, v11, v12)
	v02, v07, v08, v13 = quarter(v02, v07, v08, v13)
	v03, v04, v09, v14 = quarter(v03, v04, v09, v14)

	*p00, *p01, *p02, *p03 = v00, v01, v02, v03
	*p04, *p05, *p06, *p07 = v04, v05, v06, v07
	*p08, *p09, *p10, *p11 = v08, v09, v10, v11
	*p12, *p13, *p14, *p15 = v12, v13, v14, v15
}

// quarter is BLAKE2b's G without a message.
func quarter(a, b, c, d uint64) (uint64, uint64, uint64, uint64) {
	a = muladd(a, b)
	d = bits.RotateLeft64(d^a, -32)
	c = muladd(c, d)
	b = bits.RotateLeft64(b^c, -24)
	a = muladd(a, b)
	d = bits.RotateLeft64(d^a, -16)
	c = muladd(c, d)
	b = bits.RotateLeft64(b^c, -63)
	return a, b, c, d
}

func muladd(a, b uint64) uint64 { return a + b + 2*uint64(uint32(a))*uint64(uint32(b)) }
