package durable_test

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"github.com/doorward/doorward/internal/durable"
)

func text(s string) func(*os.File) error {
	return func(f *os.File) error {
		_, err := f.WriteString(s)
		return err
	}
}

// holds says what lies in a folder: one file of this name and content, for its owner alone, and nothing that was left behind.
func holds(t *testing.T, dir, name, want string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if len(entries) != 1 || entries[0].Name() != name {
		t.Errorf("the folder holds %v, want %s alone", entries, name)
	}
	got, err := os.ReadFile(filepath.Join(dir, name))
	if err != nil || string(got) != want {
		t.Errorf("the file holds %q, %v; want %q", got, err, want)
	}
	info, err := os.Stat(filepath.Join(dir, name))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v, %v; want 0600", info.Mode().Perm(), err)
	}
}

func TestCreateNeverReplaces(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := durable.Create(path, text("first")); err != nil {
		t.Fatal(err)
	}
	if err := durable.Create(path, text("second")); !errors.Is(err, fs.ErrExist) {
		t.Errorf("Create over a file = %v, want fs.ErrExist", err)
	}
	holds(t, dir, "a", "first")
}

func TestReplaceTakesThePlaceWhole(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := os.WriteFile(path, []byte("open to all"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := durable.Replace(path, text("mine")); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, "a", "mine")
}

func TestAWriterThatFailsLeavesNothing(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a")
	if err := durable.Create(path, text("before")); err != nil {
		t.Fatal(err)
	}
	full := errors.New("no space left on device")
	halfWay := func(f *os.File) error { return errors.Join(text("half")(f), full) }
	if err := durable.Replace(path, halfWay); !errors.Is(err, full) {
		t.Errorf("Replace = %v, want the writer's error", err)
	}
	if err := durable.Create(path+"2", halfWay); !errors.Is(err, full) {
		t.Errorf("Create = %v, want the writer's error", err)
	}
	holds(t, dir, "a", "before")
}

func TestAFolderThatIsMissingIsNamed(t *testing.T) {
	path := filepath.Join(t.TempDir(), "none", "a")
	if err := durable.Create(path, text("x")); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Create = %v, want fs.ErrNotExist", err)
	}
}
