// Command gotest runs the tests of several modules with the race detector and in shuffled order. It prints what failed
// and a closing line of totals, and nothing else. A skipped test is a failure: a test that doesn't run protects nobody.
//
//	go run ./scripts/gotest [-run regexp] [-timeout duration] module-folder...
//
// `make test` calls it. It owns only the reading of `go test -json`; what is tested is go test's business.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "gotest:", err)
		os.Exit(1)
	}
}

// run tests each module in turn, so that a failure in one doesn't hide those of the next.
func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("gotest", flag.ContinueOnError)
	only := flags.String("run", "", "run only tests that match this expression")
	timeout := flags.Duration("timeout", 10*time.Minute, "limit for one package's tests")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	if flags.NArg() == 0 {
		return errors.New("name the module folders to test, such as: gotest . gen sdk")
	}

	started := time.Now()
	rep := newReport(out)
	var broken error
	for _, module := range flags.Args() {
		broken = errors.Join(broken, testModule(ctx, rep, module, *only, *timeout))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	rep.close(time.Since(started))
	if broken == nil && !rep.green() {
		return errors.New("not every test ran and passed")
	}
	return broken
}

// testModule runs one module's tests into the report. Failing tests are the report's matter, not an error.
func testModule(ctx context.Context, rep *report, module, only string, timeout time.Duration) error {
	cmd := exec.CommandContext(ctx, "go", "test", "-json", "-race", "-shuffle=on",
		"-timeout", timeout.String(), "-run", only, "./...")
	cmd.Dir = module
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	stderr := &tail{limit: 64 << 10}
	cmd.Stderr = stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("test %s: %w", module, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("test %s: %w", module, err)
	}
	failedBefore := rep.failed
	readErr := rep.read(stdout)
	err = cmd.Wait()
	switch {
	case readErr != nil:
		return fmt.Errorf("test %s: %w", module, readErr)
	case err == nil, rep.failed > failedBefore, strings.Contains(stderr.String(), "no packages to test"):
		return nil
	default:
		// It failed without a failed test or build among its events: a broken go.mod, say. Its stderr is all there is.
		return fmt.Errorf("test %s: %w\n%s", module, err, stderr)
	}
}

// tail keeps the last bytes written to it, so that a flood of messages can't fill the memory.
type tail struct {
	limit int
	kept  []byte
}

func (t *tail) Write(p []byte) (int, error) {
	t.kept = append(t.kept, p...)
	if over := len(t.kept) - t.limit; over > 0 {
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	return len(p), nil
}

func (t *tail) String() string { return string(t.kept) }
