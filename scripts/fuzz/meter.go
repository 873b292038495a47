package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"math/bits"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// features are the blocks of code that inputs reach, each with how often, roughly.
type features map[string]bool

func (f features) add(other features) {
	for feature := range other {
		f[feature] = true
	}
}

// lacks counts what other has beside these.
func (f features) lacks(other features) int {
	n := 0
	for feature := range other {
		if !f[feature] {
			n++
		}
	}
	return n
}

// meter runs a target on single inputs, in a folder of its own, to see what they reach.
type meter struct {
	target target
	dir    string
}

// newMeter builds the target with its coverage counted. The caller closes it.
func newMeter(ctx context.Context, t target) (*meter, error) {
	dir, err := os.MkdirTemp("", "fuzz-")
	if err != nil {
		return nil, fmt.Errorf("measure inputs: %w", err)
	}
	m := &meter{target: t, dir: dir}
	build := exec.CommandContext(ctx, "go", "test", "-c", "-o", m.path("target"), "-covermode=count", "-coverpkg="+strings.Join(t.covers, ","), t.pkg)
	build.Dir = t.module
	if output, err := build.CombinedOutput(); err != nil {
		m.close()
		return nil, fmt.Errorf("build %s to measure its inputs: %w\n%s", t, err, output)
	}
	return m, nil
}

func (m *meter) close() { _ = os.RemoveAll(m.dir) }

func (m *meter) path(elements ...string) string {
	return filepath.Join(append([]string{m.dir}, elements...)...)
}

// reach is what one input reaches.
func (m *meter) reach(ctx context.Context, i input) (features, error) {
	corpus := m.path("testdata", "fuzz", m.target.name)
	if err := os.MkdirAll(corpus, 0o755); err != nil {
		return nil, fmt.Errorf("measure inputs: %w", err)
	}
	file := filepath.Join(corpus, i.name)
	if err := os.WriteFile(file, i.bytes, 0o644); err != nil {
		return nil, fmt.Errorf("measure inputs: %w", err)
	}
	defer os.Remove(file)
	return m.run(ctx, i.name)
}

// seed is a line about one of the inputs that the target itself adds.
var seed = regexp.MustCompile(`--- PASS: \w+/(seed#\d+) `)

// seeds is what the target's own seeds reach together.
func (m *meter) seeds(ctx context.Context) (features, error) {
	listing := m.command(ctx, "-test.v", "-test.run=^"+m.target.name+"$/^seed#")
	output, err := listing.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("run the seeds of %s: %w\n%s", m.target, err, output)
	}
	all := features{}
	for _, match := range seed.FindAllSubmatch(output, -1) {
		reached, err := m.run(ctx, string(match[1]))
		if err != nil {
			return nil, err
		}
		all.add(reached)
	}
	return all, nil
}

// run replays one entry and reads the profile that it leaves.
func (m *meter) run(ctx context.Context, entry string) (features, error) {
	profile := m.path("profile")
	replay := m.command(ctx, "-test.run=^"+m.target.name+"$/^"+regexp.QuoteMeta(entry)+"$", "-test.coverprofile="+profile)
	if output, err := replay.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("%s fails on the input %s: %w\n%s", m.target, entry, err, output)
	}
	content, err := os.ReadFile(profile)
	if err != nil {
		return nil, fmt.Errorf("measure inputs: %w", err)
	}
	return readProfile(content), nil
}

func (m *meter) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, m.path("target"), args...)
	cmd.Dir = m.dir
	return cmd
}

// readProfile reads lines such as: github.com/x/y/z.go:10.2,12.3 4 57. The last number is how often the block was run.
func readProfile(content []byte) features {
	reached := features{}
	for lines := bufio.NewScanner(bytes.NewReader(content)); lines.Scan(); {
		block, count, ok := strings.Cut(lines.Text(), " ")
		_, count, counted := strings.Cut(count, " ")
		n, err := strconv.Atoi(count)
		if ok && counted && err == nil && n > 0 {
			reached[block+" "+strconv.Itoa(roughly(n))] = true
		}
	}
	return reached
}

// roughly puts counts into classes much as the engine does: 1, 2, 3, to 7, to 15, to 31, to 63, to 127, and more.
func roughly(n int) int {
	if n <= 3 {
		return n
	}
	return min(1<<(bits.Len(uint(n))-1), 128)
}
