package corpus

import (
	"encoding/binary"
	"errors"
	"io"
	"os"
	"slices"
)

const (
	keySize = 8
	// spillMemory bounds the blocks that are held for all partitions together.
	spillMemory = 64 << 20
	minBlock    = 4 << 10
	maxBlock    = 64 << 10
)

// spill keeps the keys of each partition: full blocks in one file, the last one in memory.
type spill struct {
	file       *os.File
	blockSize  int
	blocks     uint32 // written
	partitions []partition
}

type partition struct {
	written []uint32 // numbers of its blocks in the file
	open    []byte   // the block that isn't full
	keys    int
}

// newSpill makes the file in a folder. It has no name there: the system takes it back when the process ends, however it ends. Where a file
// can't be nameless, close removes it.
func newSpill(dir string, partitions int) (*spill, error) {
	f, err := os.CreateTemp(dir, ".new-*")
	if err != nil {
		return nil, err
	}
	_ = os.Remove(f.Name()) // close tries again
	s := &spill{
		file:       f,
		blockSize:  min(max(spillMemory/partitions, minBlock), maxBlock),
		partitions: make([]partition, partitions),
	}
	return s, nil
}

// add puts a key into a partition.
func (s *spill) add(index int, key uint64) error {
	p := &s.partitions[index]
	if p.open == nil {
		p.open = make([]byte, 0, s.blockSize)
	}
	p.open = binary.LittleEndian.AppendUint64(p.open, key)
	p.keys++
	if len(p.open) < s.blockSize {
		return nil
	}
	if _, err := s.file.Write(p.open); err != nil {
		return err
	}
	p.written = append(p.written, s.blocks)
	p.open = p.open[:0]
	s.blocks++
	return nil
}

// read appends the keys of a partition. Partitions may be read at the same time, each by one caller with a buffer of its own.
func (s *spill) read(index int, keys []uint64, buffer []byte) ([]uint64, error) {
	p := &s.partitions[index]
	keys = slices.Grow(keys, p.keys)
	for _, number := range p.written {
		if _, err := s.file.ReadAt(buffer[:s.blockSize], int64(number)*int64(s.blockSize)); err != nil {
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		keys = appendKeys(keys, buffer[:s.blockSize])
	}
	return appendKeys(keys, p.open), nil
}

func appendKeys(keys []uint64, b []byte) []uint64 {
	for ; len(b) > 0; b = b[keySize:] {
		keys = append(keys, binary.LittleEndian.Uint64(b))
	}
	return keys
}

// close gives the file back.
func (s *spill) close() error {
	err := s.file.Close()
	if gone := os.Remove(s.file.Name()); gone != nil && !errors.Is(gone, os.ErrNotExist) {
		err = errors.Join(err, gone)
	}
	return err
}
