package restriction

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
)

const (
	// maxLine bounds a line with its comment.
	maxLine = 4 << 10
	// maxFaults bounds how many lines an import complains of one by one.
	maxFaults = 100
)

// Faults are the lines of a file that are no entries.
type Faults struct {
	// Lines are the first of them, at most 100.
	Lines []LineFault
	// More is how many there are beside these.
	More int
}

// LineFault is a line and what is wrong with it.
type LineFault struct {
	Line int
	Err  error
}

// Error says each fault on a line of its own.
func (f *Faults) Error() string {
	var b strings.Builder
	fmt.Fprintf(&b, "nothing was imported: lines that are no entries: %d", len(f.Lines)+f.More)
	for _, l := range f.Lines {
		fmt.Fprintf(&b, "\nline %d: %v", l.Line, l.Err)
	}
	if f.More > 0 {
		fmt.Fprintf(&b, "\nand %d more", f.More)
	}
	return b.String()
}

// Unwrap is the faults' own errors.
func (f *Faults) Unwrap() []error {
	all := make([]error, len(f.Lines))
	for i, l := range f.Lines {
		all[i] = l.Err
	}
	return all
}

func (f *Faults) add(line int, err error) {
	if len(f.Lines) == maxFaults {
		f.More++
		return
	}
	f.Lines = append(f.Lines, LineFault{Line: line, Err: err})
}

// Import reads the entries of one list from a file: one a line, blanks around it ignored, and from a # that begins the line or follows a
// blank on a comment; an address that begins with # is written \#. It returns all entries or none: a *Faults when lines are wrong, and the reader's error when it fails.
func Import(list List, file io.Reader) ([]Entry, error) {
	var (
		entries []Entry
		faults  Faults
		lines   = bufio.NewReaderSize(file, maxLine)
	)
	for number := 1; ; number++ {
		line, long, err := readLine(lines)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read line %d: %w", number, err)
		}
		if number == 1 {
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf")) // the byte order mark that some editors write
		}
		switch text := uncomment(line); {
		case long:
			faults.add(number, fmt.Errorf("it has more than %d bytes", maxLine))
		case text != "" && len(entries) == MaxEntries:
			return nil, fmt.Errorf("line %d: there are more than %d entries: no index takes so many", number, MaxEntries)
		case text != "":
			entry, err := ParseEntry(list, text)
			if err != nil {
				faults.add(number, err)
				break
			}
			entries = append(entries, entry)
		}
		if err != nil {
			break
		}
	}
	if len(faults.Lines) > 0 {
		return nil, &faults
	}
	return entries, nil
}

// readLine reads to the end of a line. Of one that is too long it keeps nothing. The line is good until the next call.
func readLine(from *bufio.Reader) (line []byte, long bool, err error) {
	line, err = from.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		_, err = from.ReadSlice('\n')
	}
	if long {
		return nil, true, err
	}
	return line, false, err
}

// uncomment cuts the comment and the blanks off a line. A # within a word is part of it: some addresses have one.
func uncomment(line []byte) string {
	for i, c := range line {
		if c == '#' && (i == 0 || line[i-1] == ' ' || line[i-1] == '\t') {
			line = line[:i]
			break
		}
	}
	return string(bytes.Trim(line, " \t\r\n"))
}
