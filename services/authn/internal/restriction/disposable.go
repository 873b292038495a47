package restriction

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed" // the list of domains
	"fmt"
	"strings"
	"sync"
)

//go:embed data/disposable.txt.gz
var disposableFile []byte

// shippedDisposable reads the disposable domains that come with the program, once: a few milliseconds.
var shippedDisposable = sync.OnceValues(func() (*layer, error) {
	l, err := readDisposable(disposableFile)
	if err != nil {
		return nil, fmt.Errorf("restriction: the disposable domains that ship can't be read (make data renews them): %w", err)
	}
	return l, nil
})

func readDisposable(zipped []byte) (*layer, error) {
	text, err := gzip.NewReader(bytes.NewReader(zipped))
	if err != nil {
		return nil, err
	}
	const usual = 10_000 // domains
	b := newBuilder(usual)
	lines := bufio.NewScanner(text)
	for lines.Scan() {
		if err := b.add(Entry{List: Disposable, Kind: Domain, Name: lines.Text()}); err != nil {
			return nil, err
		}
	}
	if err := lines.Err(); err != nil {
		return nil, err
	}
	return b.finish(), nil
}

// within is the longest part of a domain that a layer of disposable domains has: itself or one above it; empty for none.
func (l *layer) within(domain string) string {
	for left := labels(domain); left > 0; left-- {
		if l.depths.has(left) && l.get(domain) != "" {
			return domain
		}
		_, domain, _ = strings.Cut(domain, ".")
	}
	return ""
}
