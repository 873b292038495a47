package userfile

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
)

// MaxLine is how long a line may be, in bytes.
const MaxLine = 16 << 10

// Row is a line that can be sent.
type Row struct {
	// Line is its number, from 1.
	Line int
	User *authnv1.ImportedUser
}

// LineError says why a line can't be sent.
type LineError struct {
	Line     int
	Problems []Problem
}

// Problem is one reason. Field is the key that it is about, and empty when it is about the line.
type Problem struct {
	Field, Text string
}

// Error gives the line and all reasons.
func (e *LineError) Error() string {
	reasons := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		reasons[i] = strings.TrimPrefix(p.Field+" "+p.Text, " ")
	}
	return fmt.Sprintf("line %d: %s", e.Line, strings.Join(reasons, "; "))
}

// Reader reads a file line by line.
type Reader struct {
	lines *bufio.Reader
	parse func(text []byte) (*authnv1.ImportedUser, []Problem)
	line  int
	bytes int64
}

// NewReader reads a file of users.
func NewReader(file io.Reader) *Reader {
	return &Reader{lines: bufio.NewReaderSize(file, MaxLine+len("\r\n")), parse: parse}
}

// NewFirebaseReader reads a file of a Firebase project's users.
func NewFirebaseReader(file io.Reader, project *Firebase) *Reader {
	r := NewReader(file)
	r.parse = project.parse
	return r
}

// Bytes is how much of the file was read.
func (r *Reader) Bytes() int64 { return r.bytes }

// Next returns the next row. A *LineError says that the line is refused; the one after it can be read. io.EOF is the end of the file, and any other error of
// this file's reading.
func (r *Reader) Next() (Row, error) {
	text, err := r.next()
	if err != nil {
		return Row{}, err
	}
	user, problems := r.parse(text)
	if len(problems) > 0 {
		return Row{}, &LineError{Line: r.line, Problems: problems}
	}
	return Row{Line: r.line, User: user}, nil
}

// next gives a line without its end. One that is too long comes as nil, which is no object.
func (r *Reader) next() ([]byte, error) {
	text, err := r.lines.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(text) == 0 {
		return nil, io.EOF
	}
	r.line++
	r.bytes += int64(len(text))
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		var more []byte
		more, err = r.lines.ReadSlice('\n')
		r.bytes += int64(len(more))
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("line %d can't be read: %w", r.line, err)
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	if tooLong || len(text) > MaxLine {
		return nil, nil
	}
	return text, nil
}
