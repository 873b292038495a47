package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"time"
)

// figures are what a run says of itself.
type figures struct {
	took time.Duration
	// tries is how many inputs were tried, fresh how many of them reached something that none had before.
	tries, fresh int
}

// fuzz runs one target for the time that is set. tell hears how far it is.
func fuzz(ctx context.Context, t target, o options, tell func(figures)) (figures, error) {
	// The engine would spend up to a minute of the ten on making one input smaller.
	args := []string{"test", "-run=^$", "-fuzz=^" + t.name + "$", "-fuzztime=" + o.time.String(), "-fuzzminimizetime=5s", "-timeout=0"}
	if o.parallel > 0 {
		args = append(args, "-parallel="+strconv.Itoa(o.parallel))
	}
	cmd := exec.CommandContext(ctx, "go", append(args, t.pkg)...)
	cmd.Dir = t.module
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = writer, writer
	if err := cmd.Start(); err != nil {
		return figures{}, fmt.Errorf("run go test: %w", err)
	}
	ended := make(chan error, 1)
	go func() { // ends with the process
		err := cmd.Wait()
		_ = writer.Close()
		ended <- err
	}()
	last, said := follow(reader, tell)
	if err := <-ended; err != nil {
		return last, fmt.Errorf("%w\n%s", err, said)
	}
	return last, nil
}

// status is a line such as: fuzz: elapsed: 3s, execs: 102 (34/sec), new interesting: 5 (total: 9).
var status = regexp.MustCompile(`^fuzz: elapsed: (\S+), execs: (\d+) .*new interesting: (\d+)`)

// follow reads a run's lines to their end. It returns the last figures, and the end of what isn't figures, in case it fails.
func follow(from io.Reader, tell func(figures)) (last figures, said string) {
	const most = 8 << 10
	lines := bufio.NewReader(from)
	for {
		line, err := lines.ReadString('\n')
		if f, ok := readStatus(line); ok {
			last = f
			tell(f)
		} else {
			said += line
			said = said[max(0, len(said)-most):]
		}
		if err != nil {
			return last, said
		}
	}
}

func readStatus(line string) (figures, bool) {
	parts := status.FindStringSubmatch(line)
	if parts == nil {
		return figures{}, false
	}
	took, errTook := time.ParseDuration(parts[1])
	tries, errTries := strconv.Atoi(parts[2])
	fresh, errFresh := strconv.Atoi(parts[3])
	return figures{took: took, tries: tries, fresh: fresh}, errTook == nil && errTries == nil && errFresh == nil
}
