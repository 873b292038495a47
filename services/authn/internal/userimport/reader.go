package userimport

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/doorward/doorward/services/authn/internal/credential"
)

const (
	// MaxLine is how long a line may be, in bytes.
	MaxLine = 16 << 10
	// MaxUsers is how many users a file may have. What is remembered of each to find it again takes some 100 bytes.
	MaxUsers = 1_000_000
	// MaxCosts is how many different costs the password forms of a file may have. The hash pool measures each.
	MaxCosts = 64
)

// ErrTooManyUsers ends the reading of a file.
var ErrTooManyUsers = fmt.Errorf("the file has more than %d users: split it", MaxUsers)

// User is a line that can be imported.
type User struct {
	// Line is its number, from 1.
	Line int
	// Email is the address as it was written, Canonical what addresses are compared by.
	Email, Canonical string
	EmailVerified    bool
	// ExternalID and Name are empty where the line has none.
	ExternalID, Name string
	// Password is the stored form; zero where the line has none.
	Password credential.PHC
	// CreatedAt is zero where the line doesn't say.
	CreatedAt time.Time
}

// Reader reads a file line by line.
type Reader struct {
	lines   *bufio.Reader
	now     time.Time
	line    int
	most    int // lines
	seen    seen
	summary Summary
}

// NewReader reads a file of users. now is what no user may have been created after.
func NewReader(file io.Reader, now time.Time) *Reader {
	return &Reader{lines: bufio.NewReaderSize(file, MaxLine+len("\r\n")), now: now, most: MaxUsers, seen: newSeen()}
}

// Next returns the next user. A *LineError says that the line is refused; the one after it can be read. io.EOF is the
// end of the file, and any other error of this file's reading.
func (r *Reader) Next() (User, error) {
	text, err := r.nextLine()
	if err != nil {
		return User{}, err
	}
	u, problems := parseUser(text, r.now)
	u.Line = r.line
	if len(problems) == 0 {
		problems = r.admit(u)
	}
	if len(problems) > 0 {
		r.summary.Refused++
		return User{}, &LineError{Line: r.line, Problems: problems}
	}
	r.summary.Users++
	return u, nil
}

// Summary is what was read so far.
func (r *Reader) Summary() Summary { return r.summary.clone() }

// nextLine gives a line without its end. One that is too long comes as nil, which is no object.
func (r *Reader) nextLine() ([]byte, error) {
	text, err := r.lines.ReadSlice('\n')
	if errors.Is(err, io.EOF) && len(text) == 0 {
		return nil, io.EOF
	}
	if r.line == r.most {
		return nil, ErrTooManyUsers
	}
	r.line++
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		_, err = r.lines.ReadSlice('\n')
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

// admit looks at a line beside the others, and remembers it.
func (r *Reader) admit(u User) []Problem {
	problems := r.seen.find(u)
	if len(problems) > 0 {
		return problems
	}
	if problem, ok := r.summary.count(u.Password); !ok {
		return []Problem{problem}
	}
	r.seen.add(u)
	return nil
}
