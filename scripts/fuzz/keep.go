package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// The bounds of what is kept of one target, beside the inputs that once broke it.
const (
	maxKept  = 40
	maxBytes = 200 << 10
	// maxInput leaves out an input that is longer: what it reaches, a shorter one reaches too, or it is the length that matters and a test says so.
	maxInput = 8 << 10
)

// keeper copies inputs from Go's cache into testdata/fuzz/<target> of the target's package.
//
// The engine finds hundreds of inputs interesting. Kept are those that reach something new in our own code or in a library that parses for us: a block
// that none of the target's seeds and none of the inputs already kept reaches, or reaches about as often (1, 2, 3, to 7, to 15, to 31, to 63, to 127
// times, or more: much as the engine counts). The input that adds most comes first, and of equals the shorter one, until nothing is added or a bound is
// met. What lies in testdata/fuzz stays there: it may be what a repair is tested by.
type keeper struct{ cache string }

// input is one file of a corpus.
type input struct {
	name  string
	size  int
	adds  features
	bytes []byte
}

// keep returns how many inputs it added.
func (k keeper) keep(ctx context.Context, t target) (int, error) {
	fresh, err := inputs(filepath.Join(k.cache, filepath.FromSlash(t.pkg), t.name))
	if err != nil || len(fresh) == 0 {
		return 0, err
	}
	testdata := filepath.Join(t.dir, "testdata", "fuzz", t.name)
	kept, err := inputs(testdata)
	if err != nil {
		return 0, err
	}
	m, err := newMeter(ctx, t)
	if err != nil {
		return 0, err
	}
	defer m.close()
	known, err := m.seeds(ctx)
	if err != nil {
		return 0, err
	}
	size := 0
	for _, i := range kept {
		reached, err := m.reach(ctx, i)
		if err != nil {
			return 0, err
		}
		known.add(reached)
		size += i.size
	}
	for n := range fresh {
		if fresh[n].adds, err = m.reach(ctx, fresh[n]); err != nil {
			return 0, err
		}
	}
	chosen := choose(fresh, known, maxKept-len(kept), maxBytes-size)
	return len(chosen), write(testdata, chosen)
}

// inputs reads a corpus, in the order of its names. One that isn't there is empty.
func inputs(dir string) ([]input, error) {
	files, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read a corpus: %w", err)
	}
	var found []input
	for _, file := range files {
		content, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			return nil, fmt.Errorf("read a corpus: %w", err)
		}
		if len(content) <= maxInput {
			found = append(found, input{name: file.Name(), size: len(content), bytes: content})
		}
	}
	return found, nil
}

// choose picks the inputs that add something to what is known, within the bounds.
func choose(from []input, known features, most, bytes int) []input {
	var chosen []input
	for len(chosen) < most {
		best, gain := -1, 0
		for n, i := range from {
			adds := known.lacks(i.adds)
			if i.size <= bytes && (adds > gain || adds == gain && adds > 0 && i.size < from[best].size) {
				best, gain = n, adds
			}
		}
		if best < 0 {
			break
		}
		chosen = append(chosen, from[best])
		known.add(from[best].adds)
		bytes -= from[best].size
		from = slices.Delete(slices.Clone(from), best, best+1)
	}
	return chosen
}

func write(dir string, chosen []input) error {
	if len(chosen) == 0 {
		return nil
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("keep inputs: %w", err)
	}
	for _, i := range chosen {
		if err := os.WriteFile(filepath.Join(dir, i.name), i.bytes, 0o644); err != nil {
			return fmt.Errorf("keep inputs: %w", err)
		}
	}
	return nil
}
