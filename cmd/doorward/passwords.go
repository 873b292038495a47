package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/doorward/doorward/internal/secret"
)

// maxPasswordLine bounds a line that is read as a password; the longest that anybody may set has 256 characters of at most four bytes.
const maxPasswordLine = 4 << 10

// passwords reads one password after the other: from a terminal without showing them, else a line each.
type passwords struct {
	streams
	terminal int // its descriptor; -1 when there is none
	lines    *bufio.Reader
	line     int
}

func (s streams) passwords() (*passwords, error) {
	if s.in == nil {
		return nil, errors.New("there is no standard input to read passwords from")
	}
	p := &passwords{streams: s, terminal: -1, lines: bufio.NewReaderSize(s.in, maxPasswordLine)}
	if f, ok := s.in.(*os.File); ok && term.IsTerminal(int(f.Fd())) {
		p.terminal = int(f.Fd())
	}
	return p, nil
}

// next returns a password and its line, and io.EOF after the last. An interrupt doesn't wait for the reader; the terminal then shows again what is typed.
func (p *passwords) next(ctx context.Context) (secret.Text, int, error) {
	type answer struct {
		password secret.Text
		err      error
	}
	if ctx.Err() != nil {
		return secret.Text{}, 0, errInterrupted
	}
	restore := func() {}
	if p.terminal >= 0 {
		before, err := term.GetState(p.terminal)
		if err != nil {
			return secret.Text{}, 0, fmt.Errorf("read from the terminal: %w", err)
		}
		restore = func() { _ = term.Restore(p.terminal, before) }
	}
	read := make(chan answer, 1) // a reader that nobody waits for any more ends with the process
	go func() {
		password, err := p.read()
		read <- answer{password, err}
	}()
	select {
	case a := <-read:
		return a.password, p.line, a.err
	case <-ctx.Done():
		restore()
		return secret.Text{}, 0, errInterrupted
	}
}

func (p *passwords) read() (secret.Text, error) {
	if p.terminal >= 0 {
		return p.ask()
	}
	for {
		p.line++
		text, err := p.lines.ReadSlice('\n')
		if errors.Is(err, bufio.ErrBufferFull) {
			return secret.Text{}, fmt.Errorf("line %d is longer than %d bytes: give one password a line", p.line, maxPasswordLine)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return secret.Text{}, fmt.Errorf("read passwords: %w", err)
		}
		password := bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
		if len(password) > 0 {
			return secret.Wrap(string(password)), nil
		}
		if err != nil {
			return secret.Text{}, io.EOF
		}
	}
}

func (p *passwords) ask() (secret.Text, error) {
	p.line++
	fmt.Fprint(p.err, "Password, or nothing to end: ")
	password, err := term.ReadPassword(p.terminal)
	fmt.Fprintln(p.err)
	if err != nil && !errors.Is(err, io.EOF) {
		return secret.Text{}, fmt.Errorf("read from the terminal: %w", err)
	}
	if len(password) == 0 {
		return secret.Text{}, io.EOF
	}
	return secret.Wrap(string(password)), nil
}
