package corpus

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"sync"

	"github.com/FastFilter/xorfilter"
)

// write builds the shards on all cores and writes them in their order, then the header.
func (b *builder) write(ctx context.Context, f *os.File) (header, error) {
	h := header{
		info:   Info{MinCount: b.MinCount, Built: b.Now().UTC(), Source: describe(b.From), Shards: b.shardCount()},
		shards: make([]entry, 0, b.shardCount()),
	}
	h.content.offset = contentOffset(h.info.Shards)
	if _, err := f.Seek(int64(h.content.offset), io.SeekStart); err != nil {
		return header{}, err
	}
	sum := sha256.New()
	out := &countingWriter{to: io.MultiWriter(f, sum)}
	err := b.shards(ctx, h.info.Shards, func(s shard) error {
		offset := roundUp(out.n, shardAlign)
		if _, err := out.Write(make([]byte, offset-out.n)); err != nil {
			return err
		}
		if err := out.numbers(s.filter.Fingerprints); err != nil {
			return err
		}
		h.shards = append(h.shards, s.entry(offset))
		h.info.Hashes += uint64(s.keys)
		b.doubles += uint64(s.doubles)
		b.Progress(Building, int64(len(h.shards)), int64(h.info.Shards))
		return nil
	})
	if err != nil {
		return header{}, err
	}
	h.content.length = out.n
	sum.Sum(h.sum[:0])
	if err := h.check(); err != nil {
		return header{}, fmt.Errorf("what was built isn't sound: %w", err)
	}
	_, err = f.WriteAt(h.encode(), 0)
	return h, err
}

// shardCount is a power of two. It is that of the partitions, or less: lines may be left out, and longer than the shortest.
func (b *builder) shardCount() int {
	count := len(b.spill.partitions)
	for count > 1 && b.taken/uint64(count) < uint64(b.shardKeys) {
		count /= 2
	}
	return count
}

// shard is a filter that has been built. Its fingerprints are the worker's until they have been written.
type shard struct {
	filter  xorfilter.BinaryFuse[uint16]
	keys    int
	doubles int
	err     error
}

func (s shard) entry(offset uint64) entry {
	if s.keys == 0 {
		return entry{offset: offset}
	}
	return entry{
		offset: offset, keys: uint32(s.keys), fingerprints: uint32(len(s.filter.Fingerprints)),
		seed: s.filter.Seed, segmentLength: s.filter.SegmentLength, segmentCount: s.filter.SegmentCount,
	}
}

// shards has each core build every n-th shard, and gives them to put in their order. The worker waits until put is done with its shard: its
// memory is used again for the next.
func (b *builder) shards(ctx context.Context, count int, put func(shard) error) (err error) {
	workers := min(runtime.GOMAXPROCS(0), count)
	ctx, stop := context.WithCancel(ctx)
	var running sync.WaitGroup
	defer func() {
		stop()
		running.Wait()
	}()
	built, written := make([]chan shard, workers), make([]chan struct{}, workers)
	for w := range workers {
		built[w], written[w] = make(chan shard), make(chan struct{})
		running.Go(func() {
			worker := worker{builder: b, buffer: make([]byte, b.spill.blockSize)}
			for i := w; i < count; i += workers {
				select {
				case built[w] <- worker.build(i, count):
				case <-ctx.Done():
					return
				}
				select {
				case <-written[w]:
				case <-ctx.Done():
					return
				}
			}
		})
	}
	for i := range count {
		var s shard
		select {
		case s = <-built[i%workers]:
		case <-ctx.Done():
			return ctx.Err()
		}
		if err := errors.Join(s.err, ctx.Err()); err != nil {
			return err
		}
		if err := put(s); err != nil {
			return err
		}
		select {
		case written[i%workers] <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	return nil
}

// worker builds one shard after the other in the same memory.
type worker struct {
	builder *builder
	keys    []uint64
	buffer  []byte
	filters xorfilter.BinaryFuseBuilder
}

// build makes the filter of the i-th shard of so many.
func (w *worker) build(i, count int) shard {
	if err := w.gather(i, count); err != nil {
		return shard{err: err}
	}
	read := len(w.keys)
	slices.Sort(w.keys)
	w.keys = slices.Compact(w.keys)
	s := shard{keys: len(w.keys), doubles: read - len(w.keys)}
	if s.keys == 0 {
		return s
	}
	s.filter, s.err = xorfilter.BuildBinaryFuse[uint16](&w.filters, w.keys)
	if s.err != nil {
		return shard{err: fmt.Errorf("shard %d: %w", i, s.err)}
	}
	for _, key := range w.keys { // a hash that were lost would be a breached password that passes
		if !s.filter.Contains(key) {
			return shard{err: fmt.Errorf("shard %d: the filter has lost a hash: report this", i)}
		}
	}
	return s
}

// gather reads the partitions that belong to a shard.
func (w *worker) gather(i, count int) error {
	b := w.builder
	perShard := len(b.spill.partitions) / count
	first, keys := i*perShard, 0
	for p := range perShard {
		keys += b.spill.partitions[first+p].keys
	}
	if limit := uneven * max(b.shardKeys, int(b.taken)/count); keys > limit {
		return fmt.Errorf("%d hashes fall into shard %d, where there is room for %d: they aren't spread as SHA-1 hashes are, or one of them is repeated", keys, i, limit)
	}
	w.keys = slices.Grow(w.keys[:0], keys)
	var err error
	for p := range perShard {
		if w.keys, err = b.spill.read(first+p, w.keys, w.buffer); err != nil {
			return fmt.Errorf("read back what was spilled: %w", err)
		}
	}
	return nil
}

// countingWriter knows how much went through it.
type countingWriter struct {
	to io.Writer
	n  uint64
	b  []byte
}

func (w *countingWriter) Write(b []byte) (int, error) {
	n, err := w.to.Write(b)
	w.n += uint64(n)
	return n, err
}

const numbersAtOnce = 32 << 10

// numbers writes numbers in the file's byte order.
func (w *countingWriter) numbers(all []uint16) error {
	for part := range slices.Chunk(all, numbersAtOnce) {
		w.b = w.b[:0]
		for _, n := range part {
			w.b = append(w.b, byte(n), byte(n>>8))
		}
		if _, err := w.Write(w.b); err != nil {
			return err
		}
	}
	return nil
}
