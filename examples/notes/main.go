// Command notes is the example of a service of your own that Doorward guards, and of a client that signs its user in.
//
//	. .doorward/dev.env                                          the application's key and addresses
//	go run ./examples/notes serve                                the guarded service
//	go run ./examples/notes watch --email ann@example.com --sign-up
//
// `watch` calls the service each second and refreshes its token before it expires. End its session from elsewhere, with
// the command that it prints, and see the next call refused, although the token is still good for a while.
//
// The service itself is in the package notebook. serve.go is all that guards it; signin.go is all that signs in.
package main

import (
	"bufio"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"syscall"
)

// defaultAddress is this machine's alone: calls carry a session token and the example has no TLS.
const defaultAddress = "127.0.0.1:7480"

const usage = `usage:
  notes serve [--listen host:port]
  notes watch --email address [--sign-up] [--notes host:port] [--devices folder]`

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdin, os.Stdout)
	stop()
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintln(os.Stderr, "notes:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) == 0 {
		return errors.New(usage)
	}
	if slices.Contains(args, "--help") || slices.Contains(args, "-h") {
		fmt.Fprintln(out, usage)
		return nil
	}
	switch args[0] {
	case "serve":
		return runServe(ctx, args[1:], out)
	case "watch":
		return runWatch(ctx, args[1:], newTerminal(in, out))
	default:
		return fmt.Errorf("no command %q\n%s", args[0], usage)
	}
}

// newFlags makes a set that returns its errors instead of printing them.
func newFlags(name string) *flag.FlagSet {
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(io.Discard)
	return flags
}

func parse(flags *flag.FlagSet, args []string) error {
	if err := flags.Parse(args); err != nil {
		return fmt.Errorf("%w\n%s", err, usage)
	}
	if flags.NArg() > 0 {
		return fmt.Errorf("%s takes no %q\n%s", flags.Name(), flags.Arg(0), usage)
	}
	return nil
}

// terminal asks a person. Its goroutine reads lines until the input ends, which for a terminal is the process's end: a
// read can't be broken off, and waiting for an answer must be.
type terminal struct {
	out   io.Writer
	lines <-chan string
}

func newTerminal(in io.Reader, out io.Writer) *terminal {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for scanner := bufio.NewScanner(in); scanner.Scan(); {
			lines <- scanner.Text()
		}
	}()
	return &terminal{out: out, lines: lines}
}

var errNoAnswer = errors.New("standard input ended where an answer was needed")

func (t *terminal) ask(ctx context.Context, question string) (string, error) {
	fmt.Fprint(t.out, question)
	select {
	case line, open := <-t.lines:
		if !open {
			fmt.Fprintln(t.out)
			return "", errNoAnswer
		}
		return line, nil
	case <-ctx.Done():
		fmt.Fprintln(t.out)
		return "", ctx.Err()
	}
}
