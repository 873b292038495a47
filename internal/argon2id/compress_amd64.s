#include "textflag.h"

// G of RFC 9106, 3.5: a block is 128 words of 64 bits, in 32 vectors of 4. Two of BLAKE2b's rounds are computed at a time, so that one's multiplications run while
// the other's are waited for.

// rotr24 and rotr16 turn each word right by bytes.
DATA rotr24<>+0x00(SB)/8, $0x0201000706050403
DATA rotr24<>+0x08(SB)/8, $0x0a09080f0e0d0c0b
DATA rotr24<>+0x10(SB)/8, $0x0201000706050403
DATA rotr24<>+0x18(SB)/8, $0x0a09080f0e0d0c0b
GLOBL rotr24<>(SB), (NOPTR+RODATA), $32

DATA rotr16<>+0x00(SB)/8, $0x0100070605040302
DATA rotr16<>+0x08(SB)/8, $0x09080f0e0d0c0b0a
DATA rotr16<>+0x10(SB)/8, $0x0100070605040302
DATA rotr16<>+0x18(SB)/8, $0x09080f0e0d0c0b0a
GLOBL rotr16<>(SB), (NOPTR+RODATA), $32

// MULADD: a = a + b + 2 * low32(a) * low32(b)
#define MULADD(a, b, t) \
	VPMULUDQ a, b, t \
	VPADDQ   b, a, a \
	VPADDQ   t, t, t \
	VPADDQ   t, a, a

#define ROTR63(b, t) \
	VPADDQ b, b, t   \
	VPSRLQ $63, b, b \
	VPXOR  t, b, b

// QUARTERS is BLAKE2b's G with MULADD for its additions, on four columns of each of two rounds.
#define QUARTERS(a0, b0, c0, d0, a1, b1, c1, d1) \
	MULADD(a0, b0, Y8)     \
	MULADD(a1, b1, Y9)     \
	VPXOR   a0, d0, d0     \
	VPXOR   a1, d1, d1     \
	VPSHUFD $0xB1, d0, d0  \
	VPSHUFD $0xB1, d1, d1  \
	MULADD(c0, d0, Y8)     \
	MULADD(c1, d1, Y9)     \
	VPXOR   c0, b0, b0     \
	VPXOR   c1, b1, b1     \
	VPSHUFB Y14, b0, b0    \
	VPSHUFB Y14, b1, b1    \
	MULADD(a0, b0, Y8)     \
	MULADD(a1, b1, Y9)     \
	VPXOR   a0, d0, d0     \
	VPXOR   a1, d1, d1     \
	VPSHUFB Y15, d0, d0    \
	VPSHUFB Y15, d1, d1    \
	MULADD(c0, d0, Y8)     \
	MULADD(c1, d1, Y9)     \
	VPXOR   c0, b0, b0     \
	VPXOR   c1, b1, b1     \
	ROTR63(b0, Y8)         \
	ROTR63(b1, Y9)

// TURN rotates the four words of each of a row's b, c and d, by what VPERMQ takes.
#define TURN(bBy, cBy, dBy, b, c, d) \
	VPERMQ bBy, b, b \
	VPERMQ cBy, c, c \
	VPERMQ dBy, d, d

// XOR_COLUMNS adds to the two columns in Y0 to Y7 those of a block.
#define XOR_COLUMNS(from) \
	VPXOR (from)(CX*1), Y0, Y0    \
	VPXOR 128(from)(CX*1), Y1, Y1 \
	VPXOR 256(from)(CX*1), Y2, Y2 \
	VPXOR 384(from)(CX*1), Y3, Y3 \
	VPXOR 512(from)(CX*1), Y4, Y4 \
	VPXOR 640(from)(CX*1), Y5, Y5 \
	VPXOR 768(from)(CX*1), Y6, Y6 \
	VPXOR 896(from)(CX*1), Y7, Y7

// func compressAVX2(out, x, y *block, add bool)
//
// The frame is a block, and 31 bytes at most before it, so that no vector of it lies in two of the cache's lines.
TEXT ·compressAVX2(SB), 0, $1056-25
	MOVQ    out+0(FP), DI
	MOVQ    x+8(FP), SI
	MOVQ    y+16(FP), DX
	MOVBLZX add+24(FP), AX
	LEAQ    31(SP), R8
	ANDQ    $~31, R8
	VMOVDQU rotr24<>(SB), Y14
	VMOVDQU rotr16<>(SB), Y15
	XORL    CX, CX

rows: // Two rows, the 256 bytes at CX, of x XOR y go into the frame. Their a, b, c and d are Y0 to Y3, and Y4 to Y7.
	VMOVDQU (SI)(CX*1), Y0
	VMOVDQU 32(SI)(CX*1), Y1
	VMOVDQU 64(SI)(CX*1), Y2
	VMOVDQU 96(SI)(CX*1), Y3
	VMOVDQU 128(SI)(CX*1), Y4
	VMOVDQU 160(SI)(CX*1), Y5
	VMOVDQU 192(SI)(CX*1), Y6
	VMOVDQU 224(SI)(CX*1), Y7
	VPXOR   (DX)(CX*1), Y0, Y0
	VPXOR   32(DX)(CX*1), Y1, Y1
	VPXOR   64(DX)(CX*1), Y2, Y2
	VPXOR   96(DX)(CX*1), Y3, Y3
	VPXOR   128(DX)(CX*1), Y4, Y4
	VPXOR   160(DX)(CX*1), Y5, Y5
	VPXOR   192(DX)(CX*1), Y6, Y6
	VPXOR   224(DX)(CX*1), Y7, Y7
	QUARTERS(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	TURN($0x39, $0x4E, $0x93, Y1, Y2, Y3)
	TURN($0x39, $0x4E, $0x93, Y5, Y6, Y7)
	QUARTERS(Y0, Y1, Y2, Y3, Y4, Y5, Y6, Y7)
	TURN($0x93, $0x4E, $0x39, Y1, Y2, Y3)
	TURN($0x93, $0x4E, $0x39, Y5, Y6, Y7)
	VMOVDQU Y0, (R8)(CX*1)
	VMOVDQU Y1, 32(R8)(CX*1)
	VMOVDQU Y2, 64(R8)(CX*1)
	VMOVDQU Y3, 96(R8)(CX*1)
	VMOVDQU Y4, 128(R8)(CX*1)
	VMOVDQU Y5, 160(R8)(CX*1)
	VMOVDQU Y6, 192(R8)(CX*1)
	VMOVDQU Y7, 224(R8)(CX*1)

	ADDL $256, CX
	CMPL CX, $1024
	JB   rows
	XORL CX, CX

columns: // Two columns, the 32 bytes at CX of each row. A vector holds two words of each, so a's four are in Y0 and Y1, b's in Y2 and Y3, and so on.
	VMOVDQU (R8)(CX*1), Y0
	VMOVDQU 128(R8)(CX*1), Y1
	VMOVDQU 256(R8)(CX*1), Y2
	VMOVDQU 384(R8)(CX*1), Y3
	VMOVDQU 512(R8)(CX*1), Y4
	VMOVDQU 640(R8)(CX*1), Y5
	VMOVDQU 768(R8)(CX*1), Y6
	VMOVDQU 896(R8)(CX*1), Y7
	QUARTERS(Y0, Y2, Y4, Y6, Y1, Y3, Y5, Y7)

	// b and d turn by a word into Y10 to Y13; c's turn by two is its vectors' names that change places.
	VPALIGNR $8, Y2, Y3, Y10
	VPALIGNR $8, Y3, Y2, Y11
	VPALIGNR $8, Y7, Y6, Y12
	VPALIGNR $8, Y6, Y7, Y13
	QUARTERS(Y0, Y10, Y5, Y12, Y1, Y11, Y4, Y13)
	VPALIGNR $8, Y11, Y10, Y2
	VPALIGNR $8, Y10, Y11, Y3
	VPALIGNR $8, Y12, Y13, Y6
	VPALIGNR $8, Y13, Y12, Y7

	XOR_COLUMNS(SI)
	XOR_COLUMNS(DX)
	TESTL AX, AX
	JZ    store
	XOR_COLUMNS(DI)

store:
	VMOVDQU Y0, (DI)(CX*1)
	VMOVDQU Y1, 128(DI)(CX*1)
	VMOVDQU Y2, 256(DI)(CX*1)
	VMOVDQU Y3, 384(DI)(CX*1)
	VMOVDQU Y4, 512(DI)(CX*1)
	VMOVDQU Y5, 640(DI)(CX*1)
	VMOVDQU Y6, 768(DI)(CX*1)
	VMOVDQU Y7, 896(DI)(CX*1)

	ADDL $32, CX
	CMPL CX, $128
	JB   columns
	VZEROUPPER
	RET
