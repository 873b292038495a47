package npm_test

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/scripts/npm"
)

// packed writes an npm package with these files and returns its path.
func packed(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	archive := tar.NewWriter(zip)
	for name, body := range files {
		if err := archive.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestUnpackWantsEveryFile(t *testing.T) {
	file := packed(t, map[string]string{"package.json": "{}", "LICENSE": "free", "other": "…"})
	got, err := npm.Unpack(file, "package.json", "LICENSE")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]byte{"package.json": []byte("{}"), "LICENSE": []byte("free")}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := npm.Unpack(file, "moved.json"); err == nil || !strings.Contains(err.Error(), "moved.json") {
		t.Errorf("unpack of a package without the file: %v", err)
	}
}
