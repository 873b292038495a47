package corpus_test

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/internal/breach/corpus"
)

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
