package corpus

import (
	"encoding/binary"
	"io"
	"math/bits"
	"os"
	"unsafe"
)

// shiftOf is by how much 32 bits are shifted to choose among so many shards, a power of two.
func shiftOf(shards int) int { return 32 - bits.TrailingZeros(uint(shards)) }

// sameOrder says whether this machine keeps numbers the way the file does.
var sameOrder = binary.NativeEndian.Uint16([]byte{1, 0}) == 1

// contentOf gives a file's bytes, mapped where that can be, and what gives them back.
func contentOf(f *os.File, size int64) ([]byte, func() error, error) {
	if !sameOrder {
		return load(f, size)
	}
	return mapped(f, size)
}

// load reads a file into memory, on systems where it isn't mapped.
func load(f *os.File, size int64) ([]byte, func() error, error) {
	content := make([]byte, size)
	if _, err := io.ReadFull(io.NewSectionReader(f, 0, size), content); err != nil {
		return nil, nil, err
	}
	return content, func() error { return nil }, nil
}

// fingerprints are the numbers in a shard's bytes: where they lie, when the machine has the file's byte order.
func fingerprints(b []byte) []uint16 {
	if len(b) == 0 {
		return nil
	}
	if sameOrder {
		return unsafe.Slice((*uint16)(unsafe.Pointer(&b[0])), len(b)/2) //nolint:gosec // aligned: the file's layout and the page's beginning see to it
	}
	numbers := make([]uint16, len(b)/2)
	for i := range numbers {
		numbers[i] = binary.LittleEndian.Uint16(b[2*i:])
	}
	return numbers
}
