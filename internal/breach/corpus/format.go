package corpus

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"time"
)

const (
	magic = "DWBREACH"
	// Version is the format that this release writes and reads.
	Version = 1

	fixedSize  = 256 // of the header before the table
	entrySize  = 32  // of a shard in the table
	sourceSize = 160 // room for what it was built from
	pageSize   = 4096
	shardAlign = 64 // a cache line
	maxShards  = 1 << 16
	// maxSegment is the longest segment that the library makes.
	maxSegment = 1 << 18
)

// Why a file isn't opened. The errors that wrap these say what to do.
var (
	// ErrForeign: it isn't a corpus.
	ErrForeign = errors.New("not a corpus of breached passwords")
	// ErrNewer: a newer release wrote it.
	ErrNewer = errors.New("written in a newer format")
	// ErrDamaged: it isn't as it was written.
	ErrDamaged = errors.New("damaged")
)

// header is what a file says of itself.
type header struct {
	info    Info
	content span
	sum     [sha256.Size]byte
	shards  []entry
}

type span struct{ offset, length uint64 }

// entry is a shard's row in the table. A shard without keys has zeros.
type entry struct {
	offset        uint64 // in the content
	keys          uint32
	fingerprints  uint32
	seed          uint64
	segmentLength uint32
	segmentCount  uint32
}

// contentOffset is where the content begins in a file with so many shards.
func contentOffset(shards int) uint64 {
	return roundUp(uint64(fixedSize+entrySize*shards+sha256.Size), pageSize)
}

func roundUp(n, to uint64) uint64 { return (n + to - 1) / to * to }

// encode writes the header with its checksum, without the zeros after it.
func (h header) encode() []byte {
	le := binary.LittleEndian
	b := make([]byte, fixedSize, fixedSize+entrySize*len(h.shards)+sha256.Size)
	copy(b, magic)
	le.PutUint32(b[8:], Version)
	le.PutUint32(b[12:], uint32(len(h.shards)))
	le.PutUint64(b[16:], h.info.Hashes)
	le.PutUint64(b[24:], h.info.MinCount)
	le.PutUint64(b[32:], uint64(h.info.Built.Unix()))
	le.PutUint64(b[40:], h.content.offset)
	le.PutUint64(b[48:], h.content.length)
	copy(b[56:], h.sum[:])
	copy(b[88:88+sourceSize], h.info.Source)
	for _, e := range h.shards {
		b = le.AppendUint64(b, e.offset)
		b = le.AppendUint32(b, e.keys)
		b = le.AppendUint32(b, e.fingerprints)
		b = le.AppendUint64(b, e.seed)
		b = le.AppendUint32(b, e.segmentLength)
		b = le.AppendUint32(b, e.segmentCount)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// tableEnd reads, from a file's first bytes, how long its header is with table and checksum.
func tableEnd(fixed []byte) (int, error) {
	if len(fixed) < len(magic)+4 || string(fixed[:len(magic)]) != magic {
		return 0, ErrForeign
	}
	switch version := binary.LittleEndian.Uint32(fixed[8:]); {
	case version > Version:
		return 0, fmt.Errorf("%w: %d, and this release reads %d", ErrNewer, version, Version)
	case version < 1 || len(fixed) < fixedSize:
		return 0, ErrDamaged
	}
	shards := binary.LittleEndian.Uint32(fixed[12:])
	if shards < 1 || shards > maxShards || shards&(shards-1) != 0 {
		return 0, ErrDamaged
	}
	return fixedSize + entrySize*int(shards) + sha256.Size, nil
}

// decode reads a header as long as tableEnd said. What it returns is sound: every look-up in it stays within the content.
func decode(b []byte) (header, error) {
	end, err := tableEnd(b)
	if err != nil {
		return header{}, err
	}
	if len(b) != end {
		return header{}, ErrDamaged
	}
	body := b[:end-sha256.Size]
	if sum := sha256.Sum256(body); !bytes.Equal(sum[:], b[end-sha256.Size:]) {
		return header{}, fmt.Errorf("%w: the header's checksum is wrong", ErrDamaged)
	}
	le := binary.LittleEndian
	h := header{
		info: Info{
			Hashes:   le.Uint64(b[16:]),
			MinCount: le.Uint64(b[24:]),
			Built:    time.Unix(int64(le.Uint64(b[32:])), 0).UTC(),
			Source:   string(bytes.TrimRight(b[88:88+sourceSize], "\x00")),
			Shards:   int(le.Uint32(b[12:])),
		},
		content: span{le.Uint64(b[40:]), le.Uint64(b[48:])},
		sum:     [sha256.Size]byte(b[56:]),
	}
	for row := body[fixedSize:]; len(row) > 0; row = row[entrySize:] {
		h.shards = append(h.shards, entry{
			offset: le.Uint64(row), keys: le.Uint32(row[8:]), fingerprints: le.Uint32(row[12:]),
			seed: le.Uint64(row[16:]), segmentLength: le.Uint32(row[24:]), segmentCount: le.Uint32(row[28:]),
		})
	}
	return h, h.check()
}

// check refuses a header that the builder doesn't write, whatever its checksum.
func (h header) check() error {
	var end, keys uint64
	for i, e := range h.shards {
		if e.offset != roundUp(end, shardAlign) || !e.sound() {
			return fmt.Errorf("%w: shard %d of the table can't be", ErrDamaged, i)
		}
		end = e.offset + 2*uint64(e.fingerprints)
		keys += uint64(e.keys)
	}
	if h.content.offset != contentOffset(len(h.shards)) || h.content.length != end || keys != h.info.Hashes {
		return fmt.Errorf("%w: the table doesn't add up", ErrDamaged)
	}
	return nil
}

// sound says whether the filter's parameters belong together: a look-up reads one fingerprint in each of three neighbouring segments.
func (e entry) sound() bool {
	if e.keys == 0 {
		return e == entry{offset: e.offset}
	}
	return e.segmentLength > 0 && e.segmentLength <= maxSegment && e.segmentLength&(e.segmentLength-1) == 0 && e.segmentCount > 0 &&
		(uint64(e.segmentCount)+2)*uint64(e.segmentLength) == uint64(e.fingerprints)
}
