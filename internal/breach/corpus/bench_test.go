package corpus_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/FastFilter/xorfilter"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breach/corpus"
)

// benchHashes is what the benchmarks build: enough for several shards.
const benchHashes = 2_200_000

// randomHashes are quick to make: filters don't care that they are nobody's SHA-1.
func randomHashes(seed uint64, n int) []breach.Hash {
	source := rand.NewChaCha8([32]byte{byte(seed)})
	all := make([]breach.Hash, n)
	for i := range all {
		_, _ = source.Read(all[i][:])
	}
	return all
}

func benchConfig(b *testing.B, all []breach.Hash) corpus.BuildConfig {
	b.Helper()
	content := make([]byte, 0, 44*len(all))
	for _, h := range all {
		content = fmt.Appendf(content, "%X:7\r\n", [20]byte(h))
	}
	path := filepath.Join(b.TempDir(), "pwned.txt")
	if err := os.WriteFile(path, content, 0o600); err != nil {
		b.Fatal(err)
	}
	return corpus.BuildConfig{From: []string{path}, Out: filepath.Join(b.TempDir(), "corpus.fuse"), Replace: true, MinCount: 1, Now: time.Now}
}

// BenchmarkBuild measures a corpus from its lines to its verified file: the time of a hash, and its share of the file.
func BenchmarkBuild(b *testing.B) {
	c := benchConfig(b, randomHashes(1, benchHashes))
	var built corpus.Built
	for b.Loop() {
		built = build(b, c)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchHashes, "hash-ns/op")
	b.ReportMetric(float64(built.Size)/float64(built.Hashes), "hash-bytes")
}

// BenchmarkContains measures look-ups of hashes half of which are in the corpus, jumping about in all of it, and beside them those of a filter of
// the library's that holds the same in memory as one piece.
func BenchmarkContains(b *testing.B) {
	all := randomHashes(1, benchHashes)
	c := benchConfig(b, all)
	build(b, c)
	opened := open(b, c.Out)
	asked := append(randomHashes(2, 1<<19), all[:1<<19]...)
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(asked), func(i, j int) { asked[i], asked[j] = asked[j], asked[i] })
	b.Run("corpus", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := opened.Contains(asked[i%len(asked)]); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		keys := make([]uint64, len(all))
		for i, h := range all {
			keys[i] = key(h)
		}
		filter, err := xorfilter.NewBinaryFuse[uint16](keys)
		if err != nil {
			b.Fatal(err)
		}
		found := 0
		for i := 0; b.Loop(); i++ {
			if filter.Contains(key(asked[i%len(asked)])) {
				found++
			}
		}
	})
	b.Run("others", func(b *testing.B) { benchOthers(b, opened) })
}

func key(h breach.Hash) (k uint64) {
	for _, b := range h[:8] {
		k = k<<8 | uint64(b)
	}
	return k
}

// benchOthers counts how many hashes that aren't in the corpus are found. A loop of the benchmark asks about as many as make the share certain to a
// tenth of itself.
func benchOthers(b *testing.B, c *corpus.Corpus) {
	const others = 4_000_000 // 61 are expected, with a standard deviation of 8; the seed makes them the same each time
	found, asked := 0, 0
	source := rand.NewChaCha8([32]byte{9})
	for b.Loop() {
		for range others {
			var h breach.Hash
			_, _ = source.Read(h[:])
			if contains(b, c, h) {
				found++
			}
		}
		asked += others
	}
	b.ReportMetric(100*float64(found)/float64(asked), "false-%")
}
