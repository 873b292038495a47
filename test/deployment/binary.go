package deployment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// built is where the binaries are that all deployments of a test process run, or why there are none. Main sets it before any test begins.
var built struct {
	dir string
	err error
}

// Main is for TestMain: it builds the binaries once, as anybody does, without the race detector and from the build cache, and runs the tests.
func Main(m *testing.M) {
	dir, err := os.MkdirTemp("", "doorward-test-")
	if err != nil {
		built.err = err
	} else {
		defer os.RemoveAll(dir)
		built.dir, built.err = dir, build(dir)
	}
	m.Run()
}

func build(dir string) error {
	const compiling = 5 * time.Minute // with an empty cache
	ctx, cancel := context.WithTimeout(context.Background(), compiling)
	defer cancel()
	said, err := exec.CommandContext(ctx, "go", "build", "-o", dir,
		"github.com/doorward/doorward/cmd/doorward", "github.com/doorward/doorward/test/deployment/natsserver").CombinedOutput()
	if err != nil {
		return fmt.Errorf("build doorward: %w\n%s", err, said)
	}
	return nil
}

// binary is the path of doorward or of natsserver.
func binary(t testing.TB, name string) string {
	t.Helper()
	if built.dir == "" && built.err == nil {
		built.err = errors.New("nothing was built: the package's TestMain must call deployment.Main")
	}
	if built.err != nil {
		t.Fatal(built.err)
	}
	return filepath.Join(built.dir, name)
}
