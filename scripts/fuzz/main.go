// Command fuzz runs every fuzz target of several modules, one after the other and each for the same time, and keeps the inputs that are worth
// replaying.
//
//	go run ./scripts/fuzz [-time duration] [-run regexp] [-parallel n] module-folder...
//
// `make fuzz` calls it. An input that breaks a target is left by go test in the package's testdata/fuzz, where `make test` fails on it until it is
// mended; the other targets are run all the same. What a run found beside that stays in Go's cache, from which the next run goes on; of it the command
// copies into testdata/fuzz what reaches something new (keep.go), so that every later `make test` replays it. With -time 0 it runs nothing, and only
// looks through what the cache holds.
//
// It owns which inputs are kept. Finding them is the fuzzing engine's business, and what must hold of them the targets'.
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
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "fuzz:", err)
		os.Exit(1)
	}
}

// options are what the command line says.
type options struct {
	time     time.Duration
	only     *regexp.Regexp
	parallel int
	modules  []string
}

func parse(args []string) (options, error) {
	var o options
	flags := flag.NewFlagSet("fuzz", flag.ContinueOnError)
	flags.DurationVar(&o.time, "time", 10*time.Minute, "how long each target is run; 0 runs none")
	flags.IntVar(&o.parallel, "parallel", 0, "inputs tried at once; 0 leaves it to go test, which takes all processors")
	only := flags.String("run", "", "take only targets whose package and name, as in \"internal/bus FuzzDecode\", match this expression")
	if err := flags.Parse(args); err != nil {
		return options{}, fmt.Errorf("read flags: %w", err)
	}
	var err error
	if o.only, err = regexp.Compile(*only); err != nil {
		return options{}, fmt.Errorf("read -run: %w", err)
	}
	if o.modules = flags.Args(); len(o.modules) == 0 {
		return options{}, errors.New("name the module folders to fuzz, such as: fuzz . gen sdk")
	}
	return o, nil
}

// run goes through the targets. One that fails doesn't keep the rest from being run.
func run(ctx context.Context, args []string, out io.Writer) error {
	o, err := parse(args)
	if err != nil {
		return err
	}
	targets, err := list(ctx, o.modules, o.only)
	if err != nil {
		return err
	}
	if len(targets) == 0 {
		return errors.New("no fuzz target matches")
	}
	cache, err := exec.CommandContext(ctx, "go", "env", "GOCACHE").Output()
	if err != nil {
		return fmt.Errorf("find Go's cache: %w", err)
	}
	k := keeper{cache: filepath.Join(strings.TrimSpace(string(cache)), "fuzz")}
	p := newProgress(out, len(targets), o.time)
	failed := 0
	for _, t := range targets {
		p.begin(t)
		found, kept, err := runAndKeep(ctx, t, o, k, p.tell)
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err != nil {
			failed++
		}
		p.end(found, kept, err)
	}
	if failed > 0 {
		return fmt.Errorf("%d of %d targets failed: mend them, and commit what lies in their testdata/fuzz with the repair", failed, len(targets))
	}
	return nil
}

// runAndKeep runs one target, unless no time is set, and keeps what is worth it, unless it failed.
func runAndKeep(ctx context.Context, t target, o options, k keeper, tell func(figures)) (found figures, kept int, err error) {
	if o.time > 0 {
		if found, err = fuzz(ctx, t, o, tell); err != nil {
			return found, 0, err
		}
	}
	kept, err = k.keep(ctx, t)
	return found, kept, err
}
