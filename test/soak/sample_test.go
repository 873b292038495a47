package soak_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/doorward/doorward/test/deployment"
)

const mib = 1 << 20

// sample is what one process holds at one moment.
type sample struct {
	at         time.Duration
	resident   int64 // bytes of memory
	goroutines int
	files      int   // open descriptors
	stored     int64 // bytes in its folder
}

// process is what is watched.
type process struct {
	*deployment.Process
	folder  string
	samples []sample
}

// take looks at the process once.
func (p *process) take(t *testing.T, at time.Duration) sample {
	t.Helper()
	s := sample{at: at, resident: resident(t, p.PID()), files: descriptors(t, p.PID()), stored: size(t, p.folder)}
	if p.Debug != "" {
		s.goroutines = int(p.Metric("go_goroutines"))
	}
	p.samples = append(p.samples, s)
	return s
}

// resident is the process's own memory, as the system counts it: without the pages of its store that are mapped, which grow with the file and are given
// back when others need the room.
func resident(t *testing.T, pid int) int64 {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	must(t, err)
	for line := range bytes.Lines(status) {
		if value, ok := bytes.CutPrefix(line, []byte("RssAnon:")); ok {
			kib, err := strconv.ParseInt(string(bytes.TrimSuffix(bytes.TrimSpace(value), []byte(" kB"))), 10, 64)
			must(t, err)
			return kib << 10
		}
	}
	t.Fatalf("process %d has no memory", pid)
	return 0
}

func descriptors(t *testing.T, pid int) int {
	t.Helper()
	entries, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	must(t, err)
	return len(entries)
}

// size is the room that a folder's files take on the disk: less than a listing tells, for a store reserves some. One that goes while it is counted has
// none.
func size(t *testing.T, folder string) (sum int64) {
	t.Helper()
	err := filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			var info fs.FileInfo
			if info, err = entry.Info(); err == nil {
				sum += info.Sys().(*syscall.Stat_t).Blocks * 512
			}
		}
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		return err
	})
	must(t, err)
	return sum
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
