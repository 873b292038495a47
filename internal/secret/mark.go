package secret

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
)

// Mark is a line in a key's file that says what the key is good for. It begins with #, and readers of keys pass over such lines.
type Mark string

// ForDevelopment marks the keys of a development suite. Whoever takes the line out says that the key is good for more.
const ForDevelopment Mark = "# For development only: production refuses this key."

// ErrDevelopment says that a file was made for development, and what it was found in is not.
var ErrDevelopment = errors.New("was made for development")

// On puts the mark at the head of a file's content.
func (m Mark) On(content []byte) []byte { return append([]byte(string(m)+"\n"), content...) }

// In says whether a file's content bears the mark.
func (m Mark) In(content []byte) bool {
	for line := range bytes.Lines(content) {
		if strings.TrimSpace(string(line)) == string(m) {
			return true
		}
	}
	return false
}

// marked puts all marks on a content.
func marked(content []byte, marks []Mark) []byte {
	for _, mark := range marks {
		content = mark.On(content)
	}
	return content
}

// Unmarked is a text file's content without the lines that begin with #.
func Unmarked(content []byte) []byte {
	var rest []byte
	for line := range bytes.Lines(content) {
		if !bytes.HasPrefix(line, []byte("#")) {
			rest = append(rest, line...)
		}
	}
	return rest
}

// RefuseDevelopment is ErrDevelopment when a file bears the mark, in words that say which command makes one for production. A file that isn't there or can't
// be read is not its matter: who needs it says so.
func RefuseDevelopment(path, command string) error {
	f, err := os.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	content, err := io.ReadAll(io.LimitReader(f, maxFile))
	if err != nil || !ForDevelopment.In(content) {
		return nil
	}
	return fmt.Errorf("%s %w: one for production is made by %s", path, ErrDevelopment, command)
}
