package e2e_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// patience bounds whatever a test waits for. Each thing takes a fraction of a second; what takes longer isn't coming.
const patience = 30 * time.Second

// binary is the doorward binary that all tests run, or why there is none. TestMain sets it before any test begins.
var binary struct {
	path string
	err  error
}

// TestMain builds the binary once, as anybody does: without the race detector, from the build cache.
func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "doorward-e2e-")
	if err != nil {
		binary.err = err
	} else {
		binary.path = filepath.Join(dir, "doorward")
		binary.err = build(binary.path)
		defer os.RemoveAll(dir)
	}
	m.Run()
}

func build(path string) error {
	const compiling = 5 * time.Minute // with an empty cache
	ctx, cancel := context.WithTimeout(context.Background(), compiling)
	defer cancel()
	if said, err := exec.CommandContext(ctx, "go", "build", "-o", path, "../../cmd/doorward").CombinedOutput(); err != nil {
		return fmt.Errorf("build doorward: %w\n%s", err, said)
	}
	return nil
}
