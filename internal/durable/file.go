package durable

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Create writes a new file with mode 0600. It never replaces another: fs.ErrExist when path is taken. write is given the file under its
// temporary name, and fails when what it wrote isn't good.
func Create(path string, write func(*os.File) error) error {
	return publish(path, write, func(temp string) error {
		defer os.Remove(temp)
		return os.Link(temp, path) // unlike a rename, a link fails when the name is taken
	})
}

// Replace writes a file with mode 0600 in the place of whatever had its name. Readers see the old file or the new one, never a part.
func Replace(path string, write func(*os.File) error) error {
	return publish(path, write, func(temp string) error { return os.Rename(temp, path) })
}

// publish has a temporary file written beside path, and on disk, before place gives it its name.
func publish(path string, write func(*os.File) error, place func(temp string) error) (err error) {
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
	err = write(f)
	if err == nil {
		err = f.Sync()
	}
	if err = errors.Join(err, f.Close()); err != nil {
		return err
	}
	if err := place(f.Name()); err != nil {
		if errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("%s: %w", path, fs.ErrExist)
		}
		return err
	}
	return SyncDir(dir)
}

// SyncDir puts the names in a folder on disk: that of a new file survives a power cut only then.
func SyncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
