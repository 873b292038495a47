package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// TestACorpusThatIsCutOffLeavesNothing stops a build the way people and machines do, while it reads.
func TestACorpusThatIsCutOffLeavesNothing(t *testing.T) {
	from := breachFile(t, breachLines(1)+strings.Repeat("\n", 64<<20)) // empty lines are passed over, and take their time
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(signal.String(), func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), patience)
			defer cancel()
			dir := t.TempDir()
			var complaint bytes.Buffer
			build := exec.CommandContext(ctx, "doorward", "breach", "build", "--from", from, "--out", filepath.Join(dir, "corpus.fuse"))
			build.Stderr = &complaint
			must(t, build.Start())
			if !poll(ctx, func() bool { return spills(build.Process.Pid, dir) }) {
				t.Fatal("it doesn't begin")
			}
			must(t, build.Process.Signal(signal))
			err := build.Wait()
			if signal != syscall.SIGKILL && (build.ProcessState.ExitCode() != exitFailed || !strings.Contains(complaint.String(), "interrupted: nothing was written")) {
				t.Errorf("%v: %s", err, complaint.String())
			}
			if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
				t.Errorf("it left %v, %v", left, err)
			}
		})
	}
}

// spills says whether a process holds a file of a folder that has no name any more.
func spills(pid int, dir string) bool {
	held, err := filepath.Glob(fmt.Sprintf("/proc/%d/fd/*", pid))
	if err != nil {
		return false
	}
	for _, link := range held {
		if target, err := os.Readlink(link); err == nil && strings.HasPrefix(target, dir) && strings.HasSuffix(target, "(deleted)") {
			return true
		}
	}
	return false
}
