package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

const (
	barWidth = 24
	// barEvery is how often the bar is drawn anew: often enough for an eye.
	barEvery = 100 * time.Millisecond
)

// bar draws on one line of a terminal how far something has come. Where nobody watches, it writes nothing.
type bar struct {
	terminal io.Writer // nil when there is none
	what     string
	unit     func(int64) string
	drawn    time.Time
}

// bar is for a long step; unit says an amount of what it counts.
func (s streams) bar(what string, unit func(int64) string) *bar {
	b := &bar{what: what, unit: unit}
	if isTerminal(s.err) {
		b.terminal = s.err
	}
	return b
}

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

// at says how much is done, of how much.
func (b *bar) at(done, of int64) {
	if b.terminal == nil || time.Since(b.drawn) < barEvery && done < of {
		return
	}
	b.drawn = time.Now()
	part := 1.0
	if of > 0 {
		part = min(float64(done)/float64(of), 1)
	}
	full := int(part * barWidth)
	fmt.Fprintf(b.terminal, "\r%-8s [%s%s] %3.0f %%  %s of %s\x1b[K", b.what, strings.Repeat("#", full), strings.Repeat(".", barWidth-full),
		part*100, b.unit(done), b.unit(of))
}

// end takes the bar away, so that the result stands in its place.
func (b *bar) end() {
	if b.terminal != nil {
		fmt.Fprint(b.terminal, "\r\x1b[K")
	}
}

// bytesText is an amount of bytes for people.
func bytesText(n int64) string {
	const unit = 1024
	if n < unit {
		return fmt.Sprintf("%d B", n)
	}
	value, prefix := float64(n)/unit, 0
	for value >= unit && prefix < len("KMGTPE")-1 {
		value /= unit
		prefix++
	}
	return fmt.Sprintf("%.1f %ciB", value, "KMGTPE"[prefix])
}
