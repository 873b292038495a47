package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestTheBarSaysHowFarItIs(t *testing.T) {
	var screen bytes.Buffer
	b := &bar{terminal: &screen, what: "authn", unit: bytesText}
	b.at(512, 2048)
	b.at(513, 2048) // too soon to be worth drawing
	b.at(2048, 2048)
	b.end()
	lines := strings.Split(strings.TrimPrefix(screen.String(), "\r"), "\r")
	if len(lines) != 3 || !strings.Contains(lines[0], "authn    [######..................]  25 %  512 B of 2.0 KiB") ||
		!strings.Contains(lines[1], "[########################] 100 %") || lines[2] != "\x1b[K" {
		t.Errorf("the terminal got %q", lines)
	}
}

func TestTheBarIsSilentWhereNobodyWatches(t *testing.T) {
	var log bytes.Buffer
	b := streams{err: &log}.bar("authn", bytesText)
	b.at(1, 2)
	b.at(0, 0)
	b.end()
	if log.Len() > 0 {
		t.Errorf("a file got %q", log.String())
	}
}

func TestBytesAreSaidInTheirUnit(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 1023: "1023 B", 1024: "1.0 KiB", 1536 << 10: "1.5 MiB", 1 << 62: "4.0 EiB"} {
		if got := bytesText(n); got != want {
			t.Errorf("%d bytes are %s, want %s", n, got, want)
		}
	}
}
