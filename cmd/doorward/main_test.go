package main

import (
	"bytes"
	"context"
	"errors"
	"net"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/doorward/doorward/internal/porttest"
)

// patience bounds whatever a test waits for. Each thing takes a fraction of a second; what takes longer isn't coming.
const patience = 30 * time.Second

// TestMain lets scripts run this test binary as doorward, with the exit codes of the real one.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"doorward": main})
}

// TestScripts plays what people type at a terminal: see testdata/script.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir: "testdata/script",
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"exits":    exits,
			"ports":    claimPorts,
			"occupied": occupied,
			"serving":  serving,
		},
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
	})
}

// exits runs a command and demands its exit code: exits 2 doorward bogus.
func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: exits code command…")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	got := 0
	if err := ts.Exec(args[1], args[2:]...); err != nil {
		var failed *exec.ExitError
		if !errors.As(err, &failed) {
			ts.Fatalf("%v", err)
		}
		got = failed.ExitCode()
	}
	if got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

// claimPorts finds a base behind which all ports are free, and holds it for the script: ports BASE sets $BASE, and $BASE_1 to $BASE_7 to the
// ports behind it.
func claimPorts(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 1 {
		ts.Fatalf("usage: ports NAME")
	}
	base, release, err := porttest.Claim(context.Background())
	ts.Check(err)
	ts.Defer(func() { ts.Check(release()) })
	ts.Setenv(args[0], strconv.Itoa(base))
	for offset := 1; offset <= 7; offset++ {
		ts.Setenv(args[0]+"_"+strconv.Itoa(offset), strconv.Itoa(base+offset))
	}
}

// occupied runs a command while something else listens on a port, and demands that it fails: occupied port command…
func occupied(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) < 2 {
		ts.Fatalf("usage: occupied port command…")
	}
	port, err := strconv.Atoi(args[0])
	ts.Check(err)
	var config net.ListenConfig
	other, err := config.Listen(context.Background(), "tcp", porttest.Address(port))
	ts.Check(err)
	defer other.Close()
	exits(ts, false, append([]string{strconv.Itoa(exitFailed)}, args[1:]...))
}

// serving waits until a suite's services say that they serve: serving base directory.
func serving(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) != 2 {
		ts.Fatalf("usage: serving base directory")
	}
	base, err := strconv.Atoi(args[0])
	ts.Check(err)
	began := time.Now()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	certs := ts.MkAbs(args[1]) + "/certs"
	for offset, service := range []string{"authn", "risk", "notify"} {
		command := []string{"health", service, "--address", porttest.Address(base + 1 + offset), "--certs", certs}
		if !poll(ctx, func() bool {
			var out bytes.Buffer
			return run(ctx, command, streams{out: &out, err: &out}) == exitOK
		}) {
			ts.Fatalf("%s doesn't serve after %v", service, patience)
		}
	}
	ts.Logf("serving after %v", time.Since(began).Round(time.Millisecond))
}

// poll asks until the answer is yes, or ctx ends.
func poll(ctx context.Context, holds func() bool) bool {
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return false
		}
	}
	return true
}
