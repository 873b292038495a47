package corpus

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// rangeFile is the name of a file of one range, as the corpus's downloader gives it.
var rangeFile = regexp.MustCompile(`^([0-9A-Fa-f]{5})(?:\.txt)?$`)

// prefixOf is the five digits that the lines of a file leave out; empty when its name isn't that of a range.
func prefixOf(path string) string {
	if match := rangeFile.FindStringSubmatch(filepath.Base(path)); match != nil {
		return match[1]
	}
	return ""
}

// visit calls do for each file of the sources, in no order. A folder's files are taken, but for those whose name begins with a dot.
// The corpus has a million range files: they are never listed all at once.
func visit(ctx context.Context, from []string, do func(path string, info os.FileInfo) error) error {
	for _, path := range from {
		info, err := os.Stat(path)
		if err != nil {
			return err
		}
		if info.IsDir() {
			err = visitFolder(ctx, path, do)
		} else {
			err = visitFile(path, info, do)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

const listedAtOnce = 1024

func visitFolder(ctx context.Context, folder string, do func(string, os.FileInfo) error) error {
	d, err := os.Open(folder)
	if err != nil {
		return err
	}
	defer d.Close()
	for {
		names, err := d.Readdirnames(listedAtOnce)
		for _, name := range names {
			if strings.HasPrefix(name, ".") {
				continue
			}
			path := filepath.Join(folder, name)
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			if err := visitFile(path, info, do); err != nil {
				return err
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err := errors.Join(err, ctx.Err()); err != nil {
			return err
		}
	}
}

func visitFile(path string, info os.FileInfo, do func(string, os.FileInfo) error) error {
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is no file: name files, or folders with nothing but files in them", path)
	}
	return do(path, info)
}

// describe names the sources in at most sourceSize bytes, without where they lie.
func describe(from []string) string {
	names := make([]string, len(from))
	for i, path := range from {
		names[i] = filepath.Base(path)
	}
	slices.Sort(names)
	text := strings.ToValidUTF8(strings.Join(names, ", "), "?")
	text = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, text)
	if len(text) > sourceSize {
		const more = "…"
		text = strings.ToValidUTF8(text[:sourceSize-len(more)], "") + more
	}
	return text
}

const readBuffer = 256 << 10

// lines calls take for each line of a file that isn't empty, and read with how many bytes were read since the last call.
func lines(path string, reader *bufio.Reader, take func(line) error, read func(n int) error) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	reader.Reset(f)
	prefix := prefixOf(path)
	for number, pending := 1, 0; ; number++ {
		text, err := reader.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return refused(path, number, errLong)
		}
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return fmt.Errorf("read %s: %w", path, err)
		}
		if pending += len(text); pending >= reportEvery || end {
			if err := read(pending); err != nil {
				return err
			}
			pending = 0
		}
		if text = bytes.TrimRight(text, "\r\n"); len(text) > 0 {
			parsed, err := parseLine(text, prefix)
			if err != nil {
				return refused(path, number, err)
			}
			if err := take(parsed); err != nil {
				return refused(path, number, err)
			}
		}
		if end {
			return nil
		}
	}
}

// reportEvery is how many bytes are read between two reports.
const reportEvery = 1 << 20
