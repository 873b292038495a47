package corpus

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/bits"
	"os"
	"path/filepath"
	"time"

	"github.com/doorward/doorward/internal/durable"
)

// Stage is a part of the work of Build.
type Stage string

// The stages, in their order. Reading and Verifying count bytes, Building shards.
const (
	Reading   Stage = "reading"
	Building  Stage = "building"
	Verifying Stage = "verifying"
)

// BuildConfig says what to build.
type BuildConfig struct {
	// From names files, and folders of files.
	From []string
	// Out is the corpus.
	Out string
	// Replace allows Out to take the place of a file. Processes that have the old one open keep it.
	Replace bool
	// MinCount leaves out what was seen less often. At least 1; above that every line must have a count.
	MinCount uint64
	Now      func() time.Time
	// Progress says how far a stage is; it may be nil.
	Progress func(stage Stage, done, of int64)

	shardKeys int // 0 for shardKeys; smaller in tests
}

// Built is what was built.
type Built struct {
	Info
	// Size is that of the file in bytes.
	Size int64 `json:"size"`
	// Doubles is how many lines repeated a hash, Below how many were left out because of their count.
	Doubles uint64 `json:"doubles"`
	Below   uint64 `json:"below_min_count"`
}

const (
	// shardKeys is how many hashes a shard holds on average, at least and, if the corpus allows it, at most twice: below a million a filter needs more bits a
	// hash, and each million costs 34 MiB a core while it is built.
	shardKeys = 1 << 20
	// shortLine is the shortest line: 35 digits, a colon, a digit and a line feed. It bounds how many lines so many bytes can hold.
	shortLine = suffixDigits + 3
	// maxPartitions bounds the blocks held in memory. Beyond 17 billion hashes shards grow.
	maxPartitions = 1 << 13
	// uneven is by how much one shard may be fuller than it should be. Hashes fill all alike; what doesn't isn't SHA-1 of anything.
	uneven = 8
)

// Build makes a corpus of the hashes in files. It is there, whole and verified, or not at all; nothing else stays behind. The first line that can't be taken ends it.
func Build(ctx context.Context, c BuildConfig) (Built, error) {
	b, err := newBuilder(c)
	if err != nil {
		return Built{}, err
	}
	built, err := b.run(ctx)
	if err != nil {
		return Built{}, fmt.Errorf("build the breach corpus: %w", err)
	}
	return built, nil
}

type builder struct {
	BuildConfig
	spill   *spill
	shift   int // of the bits that choose a partition
	taken   uint64
	below   uint64
	doubles uint64
}

func newBuilder(c BuildConfig) (*builder, error) {
	if len(c.From) == 0 || c.Out == "" || c.MinCount < 1 || c.Now == nil {
		return nil, errors.New("build the breach corpus: give files or folders, a target, a minimum count of at least 1 and a clock")
	}
	if _, err := os.Lstat(c.Out); err == nil && !c.Replace {
		return nil, fmt.Errorf("build the breach corpus: %s: %w", c.Out, fs.ErrExist)
	}
	if c.Progress == nil {
		c.Progress = func(Stage, int64, int64) {}
	}
	if c.shardKeys == 0 {
		c.shardKeys = shardKeys
	}
	return &builder{BuildConfig: c}, nil
}

func (b *builder) run(ctx context.Context) (built Built, err error) {
	total, err := b.measure(ctx)
	if err != nil {
		return Built{}, err
	}
	partitions := partitionsFor(total/shortLine+1, int64(b.shardKeys))
	b.shift = shiftOf(partitions)
	if b.spill, err = newSpill(filepath.Dir(b.Out), partitions); err != nil {
		return Built{}, err
	}
	defer func() { err = errors.Join(err, b.spill.close()) }()
	if err := b.read(ctx, total); err != nil {
		return Built{}, err
	}
	if b.taken == 0 {
		return Built{}, fmt.Errorf("there is no hash in %s (%d are below the minimum count)", describe(b.From), b.below)
	}
	var h header
	write := func(f *os.File) error {
		if h, err = b.write(ctx, f); err != nil {
			return err
		}
		return b.verify(ctx, f.Name())
	}
	put := durable.Create
	if b.Replace {
		put = durable.Replace
	}
	if err := put(b.Out, write); err != nil {
		return Built{}, err
	}
	return Built{Info: h.info, Size: int64(h.content.offset + h.content.length), Doubles: b.doubles, Below: b.below}, nil
}

// measure adds up the sources, and finds those that can't be read before anything is done.
func (b *builder) measure(ctx context.Context) (total int64, err error) {
	err = visit(ctx, b.From, func(_ string, info os.FileInfo) error {
		total += info.Size()
		return nil
	})
	return total, err
}

// partitionsFor is a power of two, by which at most so many keys come to about 1 to 2 times perShard each.
func partitionsFor(keys, perShard int64) int {
	wanted := keys / perShard
	if wanted < 2 {
		return 1
	}
	return min(1<<(bits.Len64(uint64(wanted))-1), maxPartitions)
}

// read takes in every line.
func (b *builder) read(ctx context.Context, total int64) error {
	reader := bufio.NewReaderSize(nil, readBuffer)
	var done int64
	advance := func(n int) error {
		done += int64(n)
		b.Progress(Reading, done, max(total, done)) // a file may have grown since it was measured
		return ctx.Err()
	}
	return visit(ctx, b.From, func(path string, _ os.FileInfo) error {
		return lines(path, reader, b.take, advance)
	})
}

var errNoCount = errors.New("the line has no count, so that the minimum count can't be applied: leave the minimum count out, or download the corpus with counts")

// take puts a line's hash into its partition.
func (b *builder) take(l line) error {
	if b.MinCount > 1 && !l.counted {
		return errNoCount
	}
	if l.count < b.MinCount { // also the padding in answers of the range API, which has a count of 0
		b.below++
		return nil
	}
	b.taken++
	key, spread := keyOf(&l.hash)
	return b.spill.add(int(spread>>b.shift), key)
}

// verify opens what was written the way a service does, and reads it once more.
func (b *builder) verify(ctx context.Context, path string) error {
	c, err := Open(path)
	if err != nil {
		return err
	}
	err = c.Verify(ctx, func(done, of int64) { b.Progress(Verifying, done, of) })
	return errors.Join(err, c.Close())
}
