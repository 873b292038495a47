package corpus

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"github.com/FastFilter/xorfilter"

	"github.com/doorward/doorward/internal/breach"
)

// Info is what a corpus says of itself.
type Info struct {
	// Hashes is how many different ones are in it.
	Hashes uint64 `json:"hashes"`
	// MinCount is how often a password must have been seen to be in it.
	MinCount uint64 `json:"min_count"`
	// Built is when.
	Built time.Time `json:"built"`
	// Source names the files or folder that it was built from.
	Source string `json:"source"`
	Shards int    `json:"shards"`
}

// ErrClosed says that a corpus was asked after Close.
var ErrClosed = errors.New("corpus: it was closed")

// Corpus is an open file. It is safe for concurrent use. Whoever opened it closes it.
type Corpus struct {
	path   string
	file   *os.File
	header header
	shards []xorfilter.BinaryFuse[uint16]
	shift  int // of the hash's 32 bits that say in which shard it is

	mu      sync.RWMutex // held by look-ups while they read the mapping
	release func() error // nil when closed
}

var _ breach.Corpus = (*Corpus)(nil)

// Open maps a corpus into memory, read-only. It reads the header alone; the rest is read from disk as it is asked for, and shared with other
// processes. A file that is put in its place later is no concern of an open corpus, which keeps its own.
func Open(path string) (_ *Corpus, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open the breach corpus: %w", err)
	}
	defer func() {
		if err != nil {
			f.Close()
			err = fmt.Errorf("open the breach corpus %s: %w", path, advise(err))
		}
	}()
	size, h, err := readHeader(f)
	if err != nil {
		return nil, err
	}
	if want := int64(h.content.offset + h.content.length); size != want {
		return nil, fmt.Errorf("%w: it has %d bytes and should have %d", ErrDamaged, size, want)
	}
	content, release, err := contentOf(f, size)
	if err != nil {
		return nil, err
	}
	c := &Corpus{path: path, file: f, header: h, release: release, shift: shiftOf(len(h.shards))}
	content = content[h.content.offset:]
	for _, e := range h.shards {
		c.shards = append(c.shards, xorfilter.BinaryFuse[uint16]{
			Seed: e.seed, SegmentLength: e.segmentLength, SegmentLengthMask: e.segmentLength - 1, SegmentCount: e.segmentCount,
			SegmentCountLength: e.segmentCount * e.segmentLength, Fingerprints: fingerprints(content[e.offset:][:2*uint64(e.fingerprints)]),
		})
	}
	return c, nil
}

// readHeader reads and checks the beginning of a file.
func readHeader(f *os.File) (size int64, _ header, err error) {
	info, err := f.Stat()
	if err != nil {
		return 0, header{}, err
	}
	if !info.Mode().IsRegular() {
		return 0, header{}, ErrForeign
	}
	fixed := make([]byte, min(fixedSize, info.Size()))
	if _, err := f.ReadAt(fixed, 0); err != nil {
		return 0, header{}, err
	}
	end, err := tableEnd(fixed)
	if err != nil {
		return 0, header{}, err
	}
	whole := make([]byte, end)
	if _, err := f.ReadAt(whole, 0); err != nil {
		if errors.Is(err, io.EOF) {
			return 0, header{}, fmt.Errorf("%w: it ends within its header", ErrDamaged)
		}
		return 0, header{}, err
	}
	h, err := decode(whole)
	return info.Size(), h, err
}

// advise adds what to do.
func advise(err error) error {
	switch {
	case errors.Is(err, ErrForeign):
		return fmt.Errorf("%w: make one with doorward breach build", err)
	case errors.Is(err, ErrNewer):
		return fmt.Errorf("%w: run the newer release, or build it again with this one", err)
	case errors.Is(err, ErrDamaged):
		return fmt.Errorf("%w: copy it again, or build it again with doorward breach build", err)
	}
	return err
}

// Info says what the corpus is.
func (c *Corpus) Info() Info { return c.header.info }

// Size is that of the file.
func (c *Corpus) Size() int64 { return int64(c.header.content.offset + c.header.content.length) }

// keyOf is what a filter knows of a hash, and the bits that choose the shard.
func keyOf(h *breach.Hash) (key uint64, spread uint32) {
	return binary.BigEndian.Uint64(h[:8]), binary.BigEndian.Uint32(h[8:12])
}

// Contains says whether a password's hash is in the corpus. True is wrong for one hash in 65,536 that isn't; false is never wrong.
//
// The mapping is read as memory is, and a disk that fails beneath it, or a file that somebody cut short, would end the process. Here it is an
// error of this one look-up.
func (c *Corpus) Contains(h breach.Hash) (found bool, err error) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.release == nil {
		return false, ErrClosed
	}
	before := debug.SetPanicOnFault(true)
	defer func() {
		debug.SetPanicOnFault(before)
		if p := recover(); p != nil {
			err = unreadable(p)
		}
	}()
	key, spread := keyOf(&h)
	shard := &c.shards[spread>>c.shift]
	return len(shard.Fingerprints) > 0 && shard.Contains(key), nil
}

// unreadable makes an error of a fault in the mapping. Any other panic goes on.
func unreadable(p any) error {
	if _, ok := p.(interface{ Addr() uintptr }); !ok {
		panic(p)
	}
	return errors.New("corpus: the file can't be read any more: its disk failed, or somebody cut it short: put a whole one in its place and open it again")
}

// Verify reads the whole file and compares it with the checksum that it was written with.
func (c *Corpus) Verify(ctx context.Context, progress func(done, of int64)) error {
	sum := sha256.New()
	total := int64(c.header.content.length)
	content := io.NewSectionReader(c.file, int64(c.header.content.offset), total)
	for done := int64(0); done < total; {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, err := io.CopyN(sum, content, min(verifyStep, total-done))
		if err != nil {
			return fmt.Errorf("verify the breach corpus %s: %w", c.path, err)
		}
		done += n
		progress(done, total)
	}
	if [sha256.Size]byte(sum.Sum(nil)) != c.header.sum {
		return fmt.Errorf("verify the breach corpus %s: %w", c.path, advise(fmt.Errorf("%w: the content's checksum is wrong", ErrDamaged)))
	}
	return nil
}

const verifyStep = 4 << 20

// Close waits for look-ups under way and gives the mapping back. Contains fails afterwards. Closing twice is harmless.
func (c *Corpus) Close() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.release == nil {
		return nil
	}
	err := errors.Join(c.release(), c.file.Close())
	c.release, c.shards = nil, nil
	return err
}
