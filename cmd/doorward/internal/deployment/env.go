package deployment

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/doorward/doorward/internal/secret"
)

// Env is an env file's content: names and values, in the order in which they are written.
type Env []Variable

// Variable is one of them.
type Variable struct{ Name, Value string }

// Get finds a value; empty when it isn't there.
func (e Env) Get(name string) string {
	for _, v := range e {
		if v.Name == name {
			return v.Value
		}
	}
	return ""
}

// Need reports all of the names that have no value, at once.
func (e Env) Need(names ...string) error {
	var missing []string
	for _, name := range names {
		if e.Get(name) == "" {
			missing = append(missing, name)
		}
	}
	if len(missing) > 0 {
		return fmt.Errorf("no %s; doorward dev writes such a file to .doorward/dev.env, doorward init to .doorward/app.env", strings.Join(missing, ", no "))
	}
	return nil
}

// write makes the file anew, whole, readable by its owner alone: it holds an API key. readAt is where its reader finds it.
func (e Env) write(path, readAt string) error {
	var text bytes.Buffer
	text.WriteString("# Made by doorward. It holds a secret. In a shell: . " + readAt + "\n")
	for _, v := range e {
		fmt.Fprintf(&text, "export %s='%s'\n", v.Name, strings.ReplaceAll(v.Value, "'", `'\''`))
	}
	if err := secret.ReplaceFile(path, text.Bytes()); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// ReadEnv reads an env file as write made it. A missing one is empty.
func ReadEnv(path string) (Env, error) {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read env file: %w", err)
	}
	var env Env
	for line := range strings.SplitSeq(string(text), "\n") {
		name, quoted, ok := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(line, "\r"), "export "), "=")
		if !ok || strings.HasPrefix(name, "#") {
			continue
		}
		value := strings.TrimSuffix(strings.TrimPrefix(quoted, "'"), "'")
		env = append(env, Variable{name, strings.ReplaceAll(value, `'\''`, "'")})
	}
	return env, nil
}

// absolute is a path that means the same from everywhere.
func absolute(path string) string {
	abs, err := filepath.Abs(path)
	if err != nil {
		return path
	}
	return abs
}
