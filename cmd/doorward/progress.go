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
	// lineEvery is how soon a line is written, and the next. What takes long has them further apart, so that hours are some dozens of lines in a log.
	lineEvery = 15 * time.Second
	// lineShare is the part of the time so far that a line may be after the one before it.
	lineShare = 10
)

// bar says how far something has come: on a terminal it draws that on one line, elsewhere it writes a line now and then, and none for what is done before.
type bar struct {
	to          io.Writer
	terminal    bool
	what        string
	unit        func(int64) string
	began, said time.Time
}

// bar is for a long step, which begins with it; unit says an amount of what it counts. It writes to the stream of errors, so that the result stands alone.
func (s streams) bar(what string, unit func(int64) string) *bar {
	now := time.Now()
	b := &bar{to: s.err, terminal: isTerminal(s.err), what: what, unit: unit, began: now, said: now}
	if b.terminal {
		b.said = time.Time{}
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

// at says how much is done, of how much; of 0 where that isn't known.
func (b *bar) at(done, of int64) {
	now := time.Now()
	if !b.due(now, of > 0 && done >= of) {
		return
	}
	b.said = now
	took, amount := now.Sub(b.began), b.unit(done)
	if of > 0 {
		amount += " of " + b.unit(of)
	}
	part := 0.0 // unknown
	if of > 0 {
		part = min(float64(done)/float64(of), 1)
	}
	if b.terminal {
		fmt.Fprintf(b.to, "\r%-8s %s%s%s\x1b[K", b.what, drawn(part, of > 0), amount, left(took, part))
		return
	}
	percent := ""
	if of > 0 {
		percent = fmt.Sprintf(", %.0f %%", part*100)
	}
	fmt.Fprintf(b.to, "%s: %s%s, %s so far%s\n", b.what, amount, percent, took.Round(time.Second), left(took, part))
}

// due says whether it is time to say something again. A bar is drawn whole at any time; a line of the end would be one too many beside the result.
func (b *bar) due(now time.Time, whole bool) bool {
	since := now.Sub(b.said)
	if b.terminal {
		return whole || since >= barEvery
	}
	return !whole && since >= max(lineEvery, now.Sub(b.began)/lineShare)
}

// drawn is the bar itself; there is none where the whole isn't known.
func drawn(part float64, known bool) string {
	if !known {
		return ""
	}
	full := int(part * barWidth)
	return fmt.Sprintf("[%s%s] %3.0f %%  ", strings.Repeat("#", full), strings.Repeat(".", barWidth-full), part*100)
}

// left is how long the rest takes, as the part that is done did. It says nothing as long as that is a guess.
func left(took time.Duration, part float64) string {
	const tells = 3 * time.Second
	if took < tells || part <= 0 || part >= 1 {
		return ""
	}
	rest := time.Duration(float64(took) * (1 - part) / part)
	return fmt.Sprintf(", about %s left", rest.Round(time.Second))
}

// end takes the bar away, so that what is printed stands in its place.
func (b *bar) end() {
	if b.terminal {
		fmt.Fprint(b.to, "\r\x1b[K")
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
