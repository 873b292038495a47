package corpus_test

import (
	"bytes"
	"context"
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

func TestTheSameHashesMakeTheSameFile(t *testing.T) {
	all := hashes(3, 600)
	one := corpus.WithShards(config(t, text(all)), 100)
	build(t, one)
	// The same in range files, some in lower case and without an ending, and sorted otherwise.
	folder := filepath.Join(t.TempDir(), "pwned.txt")
	if err := os.Mkdir(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	ranges := map[string]string{".hidden": "not a hash"}
	for i := len(all) - 1; i >= 0; i-- {
		whole := digits(all[i])
		name := whole[:5]
		if all[i][0]%2 == 0 {
			name += ".txt"
		}
		ranges[name] += strings.ToLower(whole[5:]) + ":3\n"
	}
	ranges["00000.txt"] += strings.Repeat("0", 35) + ":0" // padding
	for name, content := range ranges {
		write(t, filepath.Join(folder, name), content)
	}
	two := corpus.WithShards(config(t, ""), 100)
	two.From = []string{folder}
	built := build(t, two)
	first, err := os.ReadFile(one.Out)
	if err != nil {
		t.Fatal(err)
	}
	second, err := os.ReadFile(two.Out)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(first, second) {
		t.Errorf("two files of %d and %d bytes differ", len(first), len(second))
	}
	if built.Below != 1 {
		t.Errorf("%d lines left out, want the padding alone", built.Below)
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

func TestLongSourcesAreCutBetweenLetters(t *testing.T) {
	c := config(t, text(hashes(5, 3)))
	name := write(t, filepath.Join(t.TempDir(), "a"+strings.Repeat("ä", 120)+"\t"), text(hashes(5, 3)))
	c.From = []string{name, name}
	build(t, c)
	source := open(t, c.Out).Info().Source
	if !strings.HasSuffix(source, "ä…") || len(source) > 160 {
		t.Errorf("source %q of %d bytes", source, len(source))
	}
}

// TestLinesThatArentHashes: what is in such a line may be a password, and is never repeated.
func TestLinesThatArentHashes(t *testing.T) {
	good := digits(hashes(6, 1)[0])
	for name, c := range map[string]struct {
		file, content string
		minCount      uint64
		want          string
	}{
		"a password":              {"a.txt", good + "\n\nhunter2\n", 1, "a.txt, line 3: not a SHA-1 hash"},
		"a digit too few":         {"a.txt", good[1:] + ":1\n", 1, "line 1: not a SHA-1 hash"},
		"a digit too many":        {"a.txt", good + "0:1\n", 1, "line 1: not a SHA-1 hash"},
		"a letter among them":     {"a.txt", good[:39] + "g\n", 1, "line 1: not a SHA-1 hash"},
		"space before":            {"a.txt", " " + good, 1, "line 1: not a SHA-1 hash"},
		"an NTLM hash":            {"a.txt", good[:32] + ":5\n", 1, "download the corpus of SHA-1 hashes"},
		"a range file's line":     {"a.txt", good[5:] + ":5\n", 1, "the file's name isn't the other 5"},
		"no number":               {"a.txt", good + ":\n", 1, "a colon and a number"},
		"no colon":                {"a.txt", good + " 5\n", 1, "a colon and a number"},
		"a negative number":       {"a.txt", good + ":-5\n", 1, "a colon and a number"},
		"a number beyond numbers": {"a.txt", good + ":99999999999999999999\n", 1, "a colon and a number"},
		"a long line":             {"a.txt", good + "\n" + good + ":" + strings.Repeat("1", 60) + "\n", 1, "line 2: the line is too long"},
		"an endless line":         {"a.txt", strings.Repeat("hunter2", 100_000), 1, "line 1: the line is too long"},
		"a minimum without count": {"a.txt", good + ":5\n" + good + "\n", 2, "line 2: the line has no count"},
		"a binary file":           {"a.txt", "\x00\x01\x02", 1, "line 1: not a SHA-1 hash"},
		"no line":                 {"a.txt", "\r\n\n", 1, "there is no hash in a.txt (0 are below the minimum count)"},
		"none left":               {"a.txt", good + ":1\n", 2, "there is no hash in a.txt (1 are below the minimum count)"},
		"padding alone":           {"00000", good[5:] + ":0\n", 1, "there is no hash in 00000 (1"},
	} {
		t.Run(name, func(t *testing.T) {
			config := config(t, "")
			config.From = []string{write(t, filepath.Join(t.TempDir(), c.file), c.content)}
			config.MinCount = c.minCount
			_, err := corpus.Build(t.Context(), config)
			if err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "hunter2") || strings.Contains(err.Error(), good[5:15]) {
				t.Errorf("err = %v, want %q and nothing of the line", err, c.want)
			}
			holds(t, filepath.Dir(config.Out))
		})
	}
}

// holds demands that a folder has these files and no other.
func holds(t *testing.T, dir string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if diff := cmp.Diff(want, names); diff != "" {
		t.Errorf("the folder (-want +got):\n%s", diff)
	}
}

func TestSourcesThatCantBeTaken(t *testing.T) {
	c := config(t, text(hashes(7, 10)))
	file, folder := c.From[0], t.TempDir()
	if err := os.Mkdir(filepath.Join(folder, "below"), 0o700); err != nil {
		t.Fatal(err)
	}
	for want, from := range map[string][]string{
		"no such file":                    {file, filepath.Join(folder, "nothing")},
		"name files, or folders with":     {file, folder},
		"give files or folders, a target": nil,
	} {
		c.From = from
		if _, err := corpus.Build(t.Context(), c); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("err = %v, want %q", err, want)
		}
	}
	c.From, c.Out = []string{file}, filepath.Join(folder, "nothing", "corpus.fuse")
	if _, err := corpus.Build(t.Context(), c); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a target in a folder that isn't there: %v", err)
	}
}

// TestRepeatedHashesDontFillMemory: a line that is repeated without end would grow one shard alone.
func TestRepeatedHashesDontFillMemory(t *testing.T) {
	one := text(hashes(8, 1))
	c := corpus.WithShards(config(t, strings.Repeat(one, 4000)), 10)
	if _, err := corpus.Build(t.Context(), c); err == nil || !strings.Contains(err.Error(), "or one of them is repeated") {
		t.Errorf("err = %v", err)
	}
	holds(t, filepath.Dir(c.Out))
}

func TestAnExistingFileIsReplacedOnlyWhenAsked(t *testing.T) {
	c := config(t, text(hashes(9, 100)))
	write(t, c.Out, "before")
	if _, err := corpus.Build(t.Context(), c); !errors.Is(err, fs.ErrExist) {
		t.Fatalf("err = %v, want fs.ErrExist", err)
	}
	if content, err := os.ReadFile(c.Out); err != nil || string(content) != "before" {
		t.Errorf("the file holds %q, %v", content, err)
	}
	c.Replace = true
	build(t, c)
	// An open corpus keeps what it has.
	opened := open(t, c.Out)
	next := config(t, text(hashes(10, 100)))
	next.Out, next.Replace = c.Out, true
	build(t, next)
	if err := opened.Verify(t.Context(), func(int64, int64) {}); err != nil {
		t.Error(err)
	}
	if !contains(t, opened, hashes(9, 1)[0]) || !contains(t, open(t, c.Out), hashes(10, 1)[0]) {
		t.Error("the open corpus changed, or the new one isn't there")
	}
}

// TestInterruptLeavesNothing interrupts each stage, as SIGINT does.
func TestInterruptLeavesNothing(t *testing.T) {
	content := text(hashes(11, 60_000))
	for _, stage := range []corpus.Stage{corpus.Reading, corpus.Building, corpus.Verifying} {
		t.Run(string(stage), func(t *testing.T) {
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			c := corpus.WithShards(config(t, content), 5000)
			write(t, c.Out, "before")
			c.Replace = true
			seen := false
			c.Progress = func(at corpus.Stage, _, _ int64) {
				if at == stage {
					seen = true
					cancel()
				}
			}
			_, err := corpus.Build(ctx, c)
			if stage == corpus.Verifying && err == nil {
				return // the whole content was read in one step: there was nothing left to interrupt
			}
			if !errors.Is(err, context.Canceled) || !seen {
				t.Errorf("err = %v after stage %s", err, stage)
			}
			holds(t, filepath.Dir(c.Out), "corpus.fuse")
			if now, err := os.ReadFile(c.Out); err != nil || string(now) != "before" {
				t.Errorf("the file before it holds %d bytes, %v", len(now), err)
			}
		})
	}
}

func TestProgressEndsWhole(t *testing.T) {
	c := corpus.WithShards(config(t, text(hashes(12, 60_000))), 5000)
	last := map[corpus.Stage][2]int64{}
	c.Progress = func(stage corpus.Stage, done, of int64) {
		if done < last[stage][0] || done > of {
			t.Errorf("%s went from %v to %d of %d", stage, last[stage], done, of)
		}
		last[stage] = [2]int64{done, of}
	}
	built := build(t, c)
	for _, stage := range []corpus.Stage{corpus.Reading, corpus.Building, corpus.Verifying} {
		if last[stage][0] != last[stage][1] || last[stage][1] == 0 {
			t.Errorf("%s ended at %v", stage, last[stage])
		}
	}
	if last[corpus.Building][1] != int64(built.Shards) {
		t.Errorf("%d shards, progress said %d", built.Shards, last[corpus.Building][1])
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
