package argon2id

import (
	"encoding/binary"

	"golang.org/x/crypto/blake2b"
)

const (
	version  = 0x13
	kind     = 2 // argon2id; 0 is argon2d and 1 argon2i
	slices   = 4 // of a pass
	blockLen = 8 * words
	hashLen  = blake2b.Size // of H0
)

// Params are what a key costs. RFC 9106 calls them t, m and p.
type Params struct {
	Passes    uint32 // at least 1
	MemoryKiB uint32 // at least 8 for each lane
	Lanes     uint32 // at least 1; all are computed on the caller's goroutine
}

// Key derives size bytes from a password and a salt. It is safe for use by several goroutines. Parameters that RFC 9106 doesn't have are the caller's mistake, and
// panic.
func Key(password, salt []byte, p Params, size uint32) []byte {
	m := memories.Get().(*memory)
	defer memories.Put(m)
	return m.derive(inputs{password: password, salt: salt}, p, size)
}

// inputs are what a key is derived from. PHC strings carry no secret and no data.
type inputs struct{ password, salt, secret, data []byte }

func (m *memory) derive(in inputs, p Params, size uint32) []byte {
	if p.Passes < 1 || p.Lanes < 1 || uint64(p.MemoryKiB) < 2*slices*uint64(p.Lanes) || size < 4 {
		panic("argon2id: parameters out of bounds")
	}
	f := m.filler(p)
	f.begin(in.digest(p, size))
	f.run()
	return f.key(size)
}

// digest is H0, which holds all that was given.
func (in inputs) digest(p Params, size uint32) [hashLen]byte {
	all := make([]byte, 0, 10*4+len(in.password)+len(in.salt)+len(in.secret)+len(in.data))
	for _, n := range []uint32{p.Lanes, size, p.MemoryKiB, p.Passes, version, kind} {
		all = binary.LittleEndian.AppendUint32(all, n)
	}
	for _, field := range [][]byte{in.password, in.salt, in.secret, in.data} {
		all = binary.LittleEndian.AppendUint32(all, uint32(len(field)))
		all = append(all, field...)
	}
	return blake2b.Sum512(all)
}

// stretch is H': a hash of any length.
func stretch(out, in []byte) {
	prefixed := binary.LittleEndian.AppendUint32(make([]byte, 0, 4+len(in)), uint32(len(out)))
	prefixed = append(prefixed, in...)
	if len(out) <= hashLen {
		copy(out, sum(len(out), prefixed))
		return
	}
	link := blake2b.Sum512(prefixed)
	for out = out[copy(out, link[:hashLen/2]):]; len(out) > hashLen; out = out[copy(out, link[:hashLen/2]):] {
		link = blake2b.Sum512(link[:])
	}
	copy(out, sum(len(out), link[:]))
}

// sum is BLAKE2b with an output of size bytes, 1 to 64.
func sum(size int, in []byte) []byte {
	h, err := blake2b.New(size, nil)
	if err != nil {
		panic(err) // the size is ours
	}
	_, _ = h.Write(in) // never fails
	return h.Sum(nil)
}
