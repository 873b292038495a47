package certs_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/certs"
)

func TestRootsComeFromTheFileAlone(t *testing.T) {
	dir := t.TempDir()
	if _, err := certs.Create(dir, []string{"authn"}, certs.Options{Now: time.Now()}); err != nil {
		t.Fatal(err)
	}
	if _, err := certs.ReadRoots(filepath.Join(dir, "ca.pem")); err != nil {
		t.Errorf("the CA can't be read: %v", err)
	}
	empty := filepath.Join(dir, "empty.pem")
	if err := os.WriteFile(empty, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{empty, filepath.Join(dir, "missing.pem")} {
		roots, err := certs.ReadRoots(path)
		if err == nil || roots != nil {
			t.Errorf("ReadRoots(%s) gives %v, %v; want an error and nothing", filepath.Base(path), roots, err)
		} else if !strings.Contains(err.Error(), filepath.Base(path)) {
			t.Errorf("the error %q doesn't name the file", err)
		}
	}
}
