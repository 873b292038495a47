package main

import (
	"fmt"
	"io"
	"os"
	"time"
)

// progress tells how far the run is: on a terminal in one line that is written over, and in any case in a line for each target that has ended.
type progress struct {
	out      io.Writer
	terminal bool
	targets  int
	each     time.Duration

	number  int
	current target
}

func newProgress(out io.Writer, targets int, each time.Duration) *progress {
	p := &progress{out: out, targets: targets, each: each}
	if file, ok := out.(*os.File); ok {
		info, err := file.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	if each > 0 {
		fmt.Fprintf(out, "%d targets, %s each: %s\n", targets, each, time.Duration(targets)*each)
	}
	return p
}

// begin goes on to the next target.
func (p *progress) begin(t target) {
	p.number++
	p.current = t
	p.tell(figures{})
}

// tell shows a run's figures so far.
func (p *progress) tell(f figures) {
	if p.terminal {
		left := time.Duration(p.targets-p.number+1)*p.each - f.took
		fmt.Fprintf(p.out, "\r\x1b[K%3d of %d  %s  %d tries, %d new, %s left", p.number, p.targets, p.current, f.tries, f.fresh, max(0, left).Round(time.Second))
	}
}

// end leaves a line that stays.
func (p *progress) end(f figures, kept int, err error) {
	over := ""
	if p.terminal {
		over = "\r\x1b[K"
	}
	fmt.Fprintf(p.out, "%s%3d of %d  %-60s %8s %10d tries %5d new %3d kept\n", over, p.number, p.targets, p.current, f.took, f.tries, f.fresh, kept)
	if err != nil {
		fmt.Fprintf(p.out, "     FAILED: %v\n", err)
	}
}
