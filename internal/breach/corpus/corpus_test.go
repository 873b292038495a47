package corpus_test

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // the hash that breached passwords are published under
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/internal/breach"
	"github.com/doorward/doorward/internal/breach/corpus"
)

var builtAt = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// hashes makes n hashes that only the seed decides.
func hashes(seed uint64, n int) []breach.Hash {
	all := make([]breach.Hash, n)
	for i := range all {
		var b [16]byte
		binary.LittleEndian.PutUint64(b[:], seed)
		binary.LittleEndian.PutUint64(b[8:], uint64(i))
		all[i] = sha1.Sum(b[:]) //nolint:gosec // see the import
	}
	return all
}

func digits(h breach.Hash) string { return strings.ToUpper(hex.EncodeToString(h[:])) }

// text is a file of the hashes, each with a count.
func text(all []breach.Hash) string {
	var b strings.Builder
	for i, h := range all {
		fmt.Fprintf(&b, "%s:%d\r\n", digits(h), i%20+1)
	}
	return b.String()
}

func write(t testing.TB, path, content string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// config builds from one file of this content, in a folder of its own.
func config(t testing.TB, content string) corpus.BuildConfig {
	t.Helper()
	return corpus.BuildConfig{
		From: []string{write(t, filepath.Join(t.TempDir(), "pwned.txt"), content)}, Out: filepath.Join(t.TempDir(), "corpus.fuse"),
		MinCount: 1, Now: func() time.Time { return builtAt },
	}
}

func build(t testing.TB, c corpus.BuildConfig) corpus.Built {
	t.Helper()
	built, err := corpus.Build(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	return built
}

func open(t testing.TB, path string) *corpus.Corpus {
	t.Helper()
	c, err := corpus.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func contains(t testing.TB, c *corpus.Corpus, h breach.Hash) bool {
	t.Helper()
	found, err := c.Contains(h)
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// TestNoHashIsLost: over any number of shards, with doubles, in any order.
func TestNoHashIsLost(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		all := hashes(rapid.Uint64().Draw(rt, "seed"), rapid.IntRange(1, 2000).Draw(rt, "hashes"))
		doubles := rapid.IntRange(0, len(all)).Draw(rt, "doubles")
		lines := append(append([]breach.Hash{}, all...), all[:doubles]...)
		order := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "order"), 0))
		order.Shuffle(len(lines), func(i, j int) { lines[i], lines[j] = lines[j], lines[i] })
		c := corpus.WithShards(config(t, text(lines)), rapid.IntRange(50, 2000).Draw(rt, "hashes a shard"))
		built, err := corpus.Build(t.Context(), c)
		if err != nil {
			rt.Fatal(err)
		}
		if built.Hashes != uint64(len(all)) || built.Doubles != uint64(doubles) {
			rt.Fatalf("%d hashes and %d doubles, want %d and %d", built.Hashes, built.Doubles, len(all), doubles)
		}
		opened, err := corpus.Open(c.Out)
		if err != nil {
			rt.Fatal(err)
		}
		defer opened.Close()
		for _, h := range all {
			if found, err := opened.Contains(h); !found || err != nil {
				rt.Fatalf("a hash is lost among %d shards: %v", built.Shards, err)
			}
		}
	})
}

func TestFewOthersAreFound(t *testing.T) {
	all := hashes(1, 50_000)
	c := corpus.WithShards(config(t, text(all)), 5_000)
	built := build(t, c)
	if built.Shards < 4 {
		t.Errorf("%d shards: the test is about more", built.Shards)
	}
	opened, found := open(t, c.Out), 0
	const others = 300_000
	for _, h := range hashes(2, others) {
		if contains(t, opened, h) {
			found++
		}
	}
	if found > 15 { // 4.6 are expected, with a standard deviation of 2.1
		t.Errorf("%d of %d hashes that aren't in it are found", found, others)
	}
}

func TestCorpusSaysWhatItIs(t *testing.T) {
	all := hashes(4, 40)
	c := config(t, text(all)+"\n"+text(all[:5]))
	c.MinCount = 3
	built := build(t, c)
	want := corpus.Built{
		Info: corpus.Info{Hashes: 36, MinCount: 3, Built: builtAt, Source: "pwned.txt", Shards: 1},
		Size: built.Size, Doubles: 3, Below: 6,
	}
	if diff := cmp.Diff(want, built); diff != "" {
		t.Errorf("built (-want +got):\n%s", diff)
	}
	opened := open(t, c.Out)
	if diff := cmp.Diff(want.Info, opened.Info()); diff != "" || opened.Size() != built.Size {
		t.Errorf("opened, %d bytes (-want +got):\n%s", opened.Size(), diff)
	}
	for i, h := range all {
		if got := contains(t, opened, h); got != (i%20+1 >= 3) {
			t.Errorf("a hash that was seen %d times is in it: %v", i%20+1, got)
		}
	}
	info, err := os.Stat(c.Out)
	if err != nil || info.Size() != built.Size || info.Mode().Perm() != 0o600 {
		t.Errorf("the file: %v, %v", info, err)
	}
}

func TestFilesThatArentWhole(t *testing.T) {
	c := corpus.WithShards(config(t, text(hashes(13, 5000))), 500)
	build(t, c)
	whole, err := os.ReadFile(c.Out)
	if err != nil {
		t.Fatal(err)
	}
	changed := func(at int, to ...byte) []byte {
		b := bytes.Clone(whole)
		copy(b[at:], to)
		return b
	}
	for name, f := range map[string]struct {
		content []byte
		is      error
		advice  string
	}{
		"empty":                      {nil, corpus.ErrForeign, "doorward breach build"},
		"text":                       {[]byte(text(hashes(13, 100))), corpus.ErrForeign, "doorward breach build"},
		"its magic alone":            {whole[:8], corpus.ErrForeign, "doorward breach build"},
		"its first 100 bytes":        {whole[:100], corpus.ErrDamaged, "copy it again"},
		"cut within the table":       {whole[:300], corpus.ErrDamaged, "copy it again"},
		"cut by a byte":              {whole[:len(whole)-1], corpus.ErrDamaged, "copy it again"},
		"longer by a byte":           {append(bytes.Clone(whole), 0), corpus.ErrDamaged, "copy it again"},
		"a newer format":             {changed(8, 2), corpus.ErrNewer, "run the newer release"},
		"format 0":                   {changed(8, 0), corpus.ErrDamaged, "copy it again"},
		"no shards":                  {changed(12, 0, 0, 0, 0), corpus.ErrDamaged, "copy it again"},
		"three shards":               {changed(12, 3, 0, 0, 0), corpus.ErrDamaged, "copy it again"},
		"more shards than there are": {changed(12, 0, 0, 1, 0), corpus.ErrDamaged, "copy it again"},
		"another number of hashes":   {changed(16, 1), corpus.ErrDamaged, "copy it again"},
		"a seed changed":             {changed(256+16, 1, 2, 3), corpus.ErrDamaged, "copy it again"},
	} {
		t.Run(name, func(t *testing.T) {
			path := write(t, filepath.Join(t.TempDir(), "c.fuse"), string(f.content))
			_, err := corpus.Open(path)
			if !errors.Is(err, f.is) || !strings.Contains(err.Error(), f.advice) || !strings.Contains(err.Error(), path) {
				t.Errorf("err = %v, want %v, the path, and %q", err, f.is, f.advice)
			}
		})
	}
	if _, err := corpus.Open(t.TempDir()); !errors.Is(err, corpus.ErrForeign) {
		t.Errorf("a folder: %v", err)
	}
	if _, err := corpus.Open(filepath.Join(t.TempDir(), "none")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	// A change in the content isn't seen by Open, which doesn't read it, but by Verify.
	opened := open(t, write(t, filepath.Join(t.TempDir(), "c.fuse"), string(changed(len(whole)-100, whole[len(whole)-100]+1))))
	if err := opened.Verify(t.Context(), func(int64, int64) {}); !errors.Is(err, corpus.ErrDamaged) {
		t.Errorf("Verify of a changed content: %v", err)
	}
}

// TestAFileCutShortIsAnError: without care, reading a mapping beyond the file's end kills the process.
func TestAFileCutShortIsAnError(t *testing.T) {
	all := hashes(14, 20_000)
	c := config(t, text(all))
	build(t, c)
	opened := open(t, c.Out)
	if err := os.Truncate(c.Out, 4096); err != nil {
		t.Fatal(err)
	}
	failed := 0
	for _, h := range all[:100] {
		if found, err := opened.Contains(h); err != nil {
			failed++
			if found || !strings.Contains(err.Error(), "put a whole one in its place") {
				t.Fatalf("Contains = %v, %v", found, err)
			}
		}
	}
	if failed < 99 {
		t.Errorf("%d of 100 look-ups failed", failed)
	}
}

func TestClosedCorpusAnswersNothing(t *testing.T) {
	c := config(t, text(hashes(15, 1000)))
	build(t, c)
	opened := open(t, c.Out)
	var asking sync.WaitGroup
	for _, h := range hashes(15, 8) {
		asking.Go(func() {
			for {
				found, err := opened.Contains(h)
				if errors.Is(err, corpus.ErrClosed) {
					return
				}
				if !found || err != nil {
					t.Errorf("Contains = %v, %v", found, err)
					return
				}
			}
		})
	}
	if err := opened.Close(); err != nil {
		t.Error(err)
	}
	asking.Wait()
	if err := opened.Close(); err != nil {
		t.Errorf("closing twice: %v", err)
	}
}

func TestLookUpsAllocateNothing(t *testing.T) {
	c := config(t, text(hashes(16, 1000)))
	build(t, c)
	opened, h := open(t, c.Out), hashes(16, 1)[0]
	if n := testing.AllocsPerRun(100, func() { _, _ = opened.Contains(h) }); n > 0 {
		t.Errorf("%v allocations a look-up", n)
	}
}
