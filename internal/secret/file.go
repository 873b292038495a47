package secret

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// maxFile bounds what ReadFile takes in. Keys and certificates are far smaller.
const maxFile = 64 << 10

// ErrExposed says that a file with a secret can be read by others than its owner.
var ErrExposed = errors.New("secret: the file can be read by others")

// ReadFile reads a file that holds a secret. It refuses one that the group or the world may read or write: whoever
// could read it may have done so already.
func ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat() // of the open file, so that what is checked is what is read
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", path)
	}
	if info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("%w: %s has mode %04o; run: chmod 600 %s", ErrExposed, path, info.Mode().Perm(), path)
	}
	content, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(content) > maxFile {
		return nil, fmt.Errorf("%s is larger than %d bytes", path, maxFile)
	}
	return content, nil
}

// CreateFile writes a new file with mode 0600, the marks first. It appears whole or not at all, and never replaces another:
// when path exists the error is fs.ErrExist.
func CreateFile(path string, content []byte, marks ...Mark) error {
	return publish(path, marked(content, marks), func(temp string) error {
		defer os.Remove(temp)
		return os.Link(temp, path) // unlike a rename, a link fails when the name is taken
	})
}

// ReplaceFile writes a file with mode 0600 in the place of whatever had its name. Readers see the old content or the
// new one, never a part.
func ReplaceFile(path string, content []byte) error {
	return publish(path, content, func(temp string) error { return os.Rename(temp, path) })
}

// publish writes content to a temporary file beside path, on disk before place gives it its name.
func publish(path string, content []byte, place func(temp string) error) (err error) {
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, ".new-*") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return err
	}
	if err := place(f.Name()); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return err
	}
	return syncDir(dir)
}

// syncDir puts the new name itself on disk.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
