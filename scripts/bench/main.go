// Command bench runs the benchmarks of several modules, and prints each figure beside its limit in one table. The limits are measured in the
// same run, because the ratio of two figures means something on any machine and a figure alone on none.
//
//	go run ./scripts/bench [-bench regexp] [-raw] module-folder...
//
// `make bench` calls it. It owns the reading of go test's lines (output.go), and which figure belongs beside which limit (rows.go). How
// something is measured is the benchmark's business. An aim that is missed is told and is no failure: the machine may be busy. A row that
// nothing was measured for is one, unless -bench chose.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path"
	"slices"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

const all = "."

func run(ctx context.Context, args []string, out io.Writer) error {
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	only := flags.String("bench", all, "run only benchmarks that match this expression")
	raw := flags.Bool("raw", false, "print go test's own lines too")
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("read flags: %w", err)
	}
	if flags.NArg() == 0 {
		return errors.New("name the module folders to measure, such as: bench . gen sdk")
	}

	started := time.Now()
	found := results{}
	var broken error
	for _, module := range flags.Args() {
		err := measureModule(ctx, module, *only, found, progress(out, *raw))
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		broken = errors.Join(broken, err)
	}
	missing := printTable(out, rows(), found)
	fmt.Fprintf(out, "\nmeasured in %s\n", time.Since(started).Round(time.Second))
	if len(missing) > 0 && *only == all {
		broken = errors.Join(broken, fmt.Errorf("nothing was measured for: %s", strings.Join(missing, "; ")))
	}
	return broken
}

// progress shows what is being measured, for a run takes minutes.
func progress(out io.Writer, raw bool) func(line string) {
	return func(line string) {
		pkg, begins := strings.CutPrefix(line, "pkg: ")
		switch {
		case raw:
			fmt.Fprintln(out, line)
		case begins:
			fmt.Fprintln(out, "measuring", shorten(pkg))
		}
	}
}

// measureModule runs the benchmarks of one module, one package after the other, and adds what they report to found.
func measureModule(ctx context.Context, module, only string, found results, progress func(line string)) error {
	packages, err := packagesWithBenchmarks(module)
	if err != nil || len(packages) == 0 {
		return err
	}
	args := append([]string{"test", "-run", "^$", "-bench", only, "-benchmem", "-timeout", "10m"}, packages...)
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = module
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	cmd.Stderr = os.Stderr
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("measure %s: %w", module, err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("measure %s: %w", module, err)
	}
	complaints, readErr := found.read(stdout, progress)
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("measure %s: %w\n%s", module, err, strings.Join(complaints, "\n"))
	}
	return readErr
}

// packagesWithBenchmarks are the module's, as go test takes them. Without this, every other package's tests would be built for nothing.
func packagesWithBenchmarks(module string) ([]string, error) {
	var packages []string
	files := os.DirFS(module)
	err := fs.WalkDir(files, ".", func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipForeign(files, name)
		case !strings.HasSuffix(name, "_test.go"):
			return nil
		}
		source, err := fs.ReadFile(files, name)
		if bytes.Contains(source, []byte("\nfunc Benchmark")) {
			packages = append(packages, relative(path.Dir(name)))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("look for benchmarks in %s: %w", module, err)
	}
	slices.Sort(packages)
	return slices.Compact(packages), nil
}

// relative is a folder as go test takes it for a package.
func relative(dir string) string {
	if dir == "." {
		return dir
	}
	return "./" + dir
}

// skipForeign leaves out other modules' folders and those of tools.
func skipForeign(files fs.FS, folder string) error {
	if folder == "." {
		return nil
	}
	if strings.HasPrefix(path.Base(folder), ".") {
		return fs.SkipDir
	}
	if _, err := fs.Stat(files, path.Join(folder, "go.mod")); err == nil {
		return fs.SkipDir
	}
	return nil
}
