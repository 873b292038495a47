package boltdb_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

// crashFile tells the child process of TestKilledProcess which file to write.
const crashFile = "BOLTDB_TEST_CRASH_FILE"

// What a process acknowledged before kill -9 is in the file afterwards, and the
// file is whole. (A power cut, which also takes what the disk was never told to
// sync, needs a machine of its own to test.)
func TestKilledProcessLosesNothingItAcknowledged(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.db")
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestCrashChild$")
	child.Env = append(os.Environ(), crashFile+"="+path)
	output, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	var acknowledged []string
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		if acknowledged = append(acknowledged, lines.Text()); len(acknowledged) == 500 {
			if err := child.Process.Kill(); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := child.Wait(); err == nil || len(acknowledged) < 500 {
		t.Fatalf("the child ended by itself after %d changes: %v", len(acknowledged), err)
	}
	// The last line may have been cut in the writing.
	acknowledged = acknowledged[:len(acknowledged)-1]

	stored := marked(t, boltdbtest.OpenAt(t, path, marks))
	slices.Sort(stored)
	for _, key := range acknowledged {
		if _, found := slices.BinarySearch(stored, key); !found {
			t.Errorf("%s was acknowledged and is gone", key)
		}
	}
}

// TestCrashChild is the process that is killed; on its own it does nothing.
func TestCrashChild(t *testing.T) {
	path := os.Getenv(crashFile)
	if path == "" {
		return
	}
	db, err := boltdb.Open(path, marks)
	if err != nil {
		t.Fatal(err)
	}
	var output sync.Mutex
	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for n := 0; ; n++ {
				key := fmt.Sprintf("%d/%d", caller, n)
				if err := db.Update(context.Background(), func(tx *bolt.Tx) error { return mark(tx, key) }); err != nil {
					t.Errorf("Update: %v", err)
					return
				}
				output.Lock()
				_, err := fmt.Fprintln(os.Stdout, key)
				output.Unlock()
				if err != nil { // the parent is gone
					return
				}
			}
		})
	}
	callers.Wait()
}
