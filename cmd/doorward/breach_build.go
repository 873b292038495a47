package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"runtime"
	"strconv"
	"syscall"
	"time"

	"github.com/doorward/doorward/internal/breach/corpus"
)

type breachBuildCmd struct {
	From     []string `required:"" placeholder:"DIR|FILE" sep:"none" help:"What was downloaded: a file, or a folder of files, such as one file a range. Give it again for more."`
	Out      string   `required:"" placeholder:"FILE" help:"The corpus."`
	MinCount uint64   `default:"1" placeholder:"N" help:"Leave out what was seen in breaches less often than this."`
	Replace  bool     `help:"Replace a file that lies there; services that have it open keep the old one until they start again."`
	JSON     bool     `name:"json" help:"Print what was built as JSON."`
}

func (breachBuildCmd) Help() string {
	return `Reads lines of a SHA-1 in hexadecimal digits, alone or with a colon and a count, in any order; in files named by five digits, as the downloader names them,
the lines have the other 35. A line that is anything else ends it. The corpus is there whole and verified, or not at all, also after an interrupt.

It needs 8 bytes of disk a hash beside the corpus while it works, in a file that has no name and goes with the process, and 2.3 for the corpus.
From a million hashes on it prints what a billion would take. Exits 1 when nothing was built. Example:

  doorward breach build --from pwned-passwords.txt --out /var/lib/doorward/corpus.fuse`
}

// billion is about as many hashes as the public corpus has.
const billion = 1_000_000_000

// leastToProject is how many hashes tell what more would take; of fewer the beginning and the end count too much.
const leastToProject = 1_000_000

// buildReport is what a build came to, for people and as JSON.
type buildReport struct {
	Path string `json:"path"`
	corpus.Built
	BytesPerHash float64 `json:"bytes_per_hash"`
	Seconds      float64 `json:"seconds"`
	// PeakMemory is the most that the process held, in bytes.
	PeakMemory int64       `json:"peak_memory"`
	Projection *projection `json:"projection,omitempty"`
}

// projection is what another number of hashes would take, by the same figures.
type projection struct {
	Hashes  int64   `json:"hashes"`
	Size    int64   `json:"size"`
	Spill   int64   `json:"temporary_disk"`
	Seconds float64 `json:"seconds"`
}

func (c *breachBuildCmd) Run(ctx context.Context, s streams) error {
	if c.MinCount < 1 {
		return errors.New("--min-count must be 1 or more")
	}
	began := time.Now()
	stages := &stageBar{streams: s}
	built, err := corpus.Build(ctx, corpus.BuildConfig{
		From: c.From, Out: c.Out, Replace: c.Replace, MinCount: c.MinCount, Now: time.Now, Progress: stages.at,
	})
	stages.end()
	switch {
	case ctx.Err() != nil && err != nil: // which is no success, whatever else it is
		return errors.New("interrupted: nothing was written")
	case errors.Is(err, fs.ErrExist):
		return fmt.Errorf("%w; nothing was changed: name another file, or give --replace", err)
	case err != nil:
		return err
	}
	report := newBuildReport(c.Out, built, time.Since(began), peakMemory())
	if c.JSON {
		text := json.NewEncoder(s.out)
		text.SetIndent("", "  ")
		return text.Encode(report)
	}
	return report.tell(s.out)
}

// stageBar is a bar for one stage after the other.
type stageBar struct {
	streams
	stage corpus.Stage
	bar   *bar
}

func (b *stageBar) at(stage corpus.Stage, done, of int64) {
	if stage != b.stage {
		b.end()
		unit := bytesText
		if stage == corpus.Building {
			unit = func(n int64) string { return strconv.FormatInt(n, 10) + " shards" }
		}
		b.stage, b.bar = stage, b.streams.bar(string(stage), unit)
	}
	b.bar.at(done, of)
}

func (b *stageBar) end() {
	if b.bar != nil {
		b.bar.end()
	}
}

func newBuildReport(path string, built corpus.Built, took time.Duration, memory int64) buildReport {
	r := buildReport{
		Path: path, Built: built, Seconds: took.Seconds(), PeakMemory: memory,
		BytesPerHash: float64(built.Size) / float64(built.Hashes),
	}
	if built.Hashes >= leastToProject {
		times := billion / float64(built.Hashes)
		r.Projection = &projection{
			Hashes: billion, Size: int64(float64(built.Size) * times), Spill: 8 * billion, Seconds: r.Seconds * times,
		}
	}
	return r
}

func (r buildReport) tell(w io.Writer) error {
	pairs := [][2]string{
		{"corpus", r.Path},
		{"hashes", thousands(int64(r.Hashes))},
		{"size", fmt.Sprintf("%s, %.3f bytes a hash, %d shards", bytesText(r.Size), r.BytesPerHash, r.Shards)},
		{"left out", fmt.Sprintf("%s repeated, %s seen less than %d times", thousands(int64(r.Doubles)), thousands(int64(r.Below)), r.MinCount)},
		{"took", fmt.Sprintf("%s, %s of memory at its peak", seconds(r.Seconds), bytesText(r.PeakMemory))},
	}
	if p := r.Projection; p != nil {
		pairs = append(pairs, [2]string{"a billion", fmt.Sprintf("would take about %s here, %s of temporary disk, and %s for the corpus",
			seconds(p.Seconds), bytesText(p.Spill), bytesText(p.Size))})
	}
	return fields(w, pairs...)
}

// seconds is a time for people.
func seconds(n float64) string {
	took := time.Duration(n * float64(time.Second))
	if took < 10*time.Second {
		return took.Round(10 * time.Millisecond).String()
	}
	return took.Round(time.Second).String()
}

// thousands sets thousands apart.
func thousands(n int64) string {
	digits := strconv.FormatInt(n, 10)
	for i := len(digits) - 3; i > 0; i -= 3 {
		digits = digits[:i] + "," + digits[i:]
	}
	return digits
}

// peakMemory is the most that this process has held of the machine's memory, in bytes; 0 where the system doesn't say.
func peakMemory() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0
	}
	if runtime.GOOS == "darwin" {
		return usage.Maxrss
	}
	return usage.Maxrss * 1024
}
