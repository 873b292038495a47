package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/doorward/doorward/internal/durable"
)

// reportFile is where an import's report goes. A file has it whole, once the import came to its end, or stays as it was; a pipe or a device gets the lines
// as they come. The zero value keeps none.
type reportFile struct {
	path string
	// stream says that it is no file.
	stream bool
}

// newReportFile looks at what lies there: a report may be replaced, so that an import can be run again, and nothing else.
func newReportFile(path string) (reportFile, error) {
	if path == "" {
		return reportFile{}, nil
	}
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return reportFile{path: path}, nil
	case err != nil:
		return reportFile{}, err
	case info.IsDir():
		return reportFile{}, fmt.Errorf("--report %s: it is a folder: name a file", path)
	case !info.Mode().IsRegular():
		return reportFile{path: path, stream: true}, nil
	}
	ours, err := isReport(path)
	if err == nil && !ours {
		err = fmt.Errorf("--report %s: the file that is there is no report of an import: it was left as it is, and nothing was imported; name another", path)
	}
	if err != nil {
		return reportFile{}, err
	}
	path, err = filepath.EvalSymlinks(path) // a link goes on leading to the report
	return reportFile{path: path}, err
}

// isReport says whether a file is empty, as the report of an import without refusals is, or begins like one with some.
func isReport(path string) (bool, error) {
	const longest = 64 << 10 // of a line: it says some words of each field
	file, err := os.Open(path)
	if err != nil {
		return false, err
	}
	defer file.Close() // it was only read
	lines := bufio.NewScanner(io.LimitReader(file, longest))
	lines.Buffer(nil, longest+1)
	if !lines.Scan() {
		return lines.Err() == nil, lines.Err()
	}
	first := json.NewDecoder(bytes.NewReader(lines.Bytes()))
	first.DisallowUnknownFields()
	var line refusedLine
	return first.Decode(&line) == nil && line.Line > 0 && len(line.Reasons) > 0, nil
}

// write has the import done, which is given where its report goes. When it fails, a file isn't there, or is as it was.
func (f reportFile) write(importing func(io.Writer) error) error {
	switch {
	case f.path == "":
		return importing(io.Discard)
	case f.stream:
		file, err := os.OpenFile(f.path, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		return errors.Join(buffered(file, importing), file.Close())
	}
	began, ended := false, false
	err := durable.Replace(f.path, func(file *os.File) error {
		began = true
		return buffered(file, func(to io.Writer) error {
			err := importing(to)
			ended = err == nil
			return err
		})
	})
	switch {
	case err == nil:
		return nil
	case !began:
		return fmt.Errorf("--report %s: %w; nothing was imported", f.path, err)
	case ended:
		return fmt.Errorf("the import came to its end, and its report is lost: %w", err)
	}
	return fmt.Errorf("%w\n%s wasn't written: it has a report when an import comes to its end", err, f.path)
}

func buffered(file io.Writer, importing func(io.Writer) error) error {
	to := bufio.NewWriter(file)
	err := importing(to)
	return errors.Join(err, to.Flush())
}
