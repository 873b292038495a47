package boltdb_test

import (
	"context"
	"encoding/binary"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
)

const benchCallers = 64

// BenchmarkCommit measures durable small changes per second, by 64 callers who
// each wait for theirs. Compare within one run: "sync" is what the disk gives
// to one writer, two page writes and two syncs as in a commit, and "alone" a
// bbolt transaction for each change; the ratio of "group" to those is the gain.
func BenchmarkCommit(b *testing.B) {
	b.Run("sync", benchSync)
	b.Run("alone", func(b *testing.B) {
		file := benchFile(b)
		benchChanges(b, 1, file.Update)
	})
	b.Run("batch as it comes", func(b *testing.B) {
		file := benchFile(b)
		benchChanges(b, benchCallers, file.Batch)
	})
	b.Run("batch tuned to 64", func(b *testing.B) { benchTuned(b, benchCallers) })
	b.Run("batch tuned to 64, 48 call", func(b *testing.B) { benchTuned(b, 48) })
	b.Run("limit", benchLimit)
	b.Run("group", func(b *testing.B) { benchGroup(b, benchCallers) })
	b.Run("group, 48 call", func(b *testing.B) { benchGroup(b, 48) })
}

// benchTuned sets DB.Batch for 64 callers: it commits at once when all of them
// have come, and with fewer it waits a millisecond for the rest.
func benchTuned(b *testing.B, callers int) {
	file := benchFile(b)
	file.MaxBatchDelay, file.MaxBatchSize = time.Millisecond, benchCallers
	benchChanges(b, callers, file.Batch)
}

func benchGroup(b *testing.B, callers int) {
	db := boltdbtest.Open(b, marks)
	benchChanges(b, callers, func(fn func(*bolt.Tx) error) error { return db.Update(context.Background(), fn) })
}

// benchChanges makes b.N changes by that many callers.
func benchChanges(b *testing.B, callers int, update func(func(*bolt.Tx) error) error) {
	var next atomic.Int64
	var all sync.WaitGroup
	b.ResetTimer()
	for range callers {
		all.Go(func() {
			for n := next.Add(1); n <= int64(b.N); n = next.Add(1) {
				if err := update(benchChange(n)); err != nil {
					b.Error(err)
					return
				}
			}
		})
	}
	all.Wait()
	b.StopTimer()
	perSecond(b)
}

// benchChange stores 200 bytes, about a session, under a key like an id.
func benchChange(n int64) func(*bolt.Tx) error {
	return func(tx *bolt.Tx) error {
		key := binary.BigEndian.AppendUint64([]byte("ses_"), uint64(n))
		return tx.Bucket([]byte("marks")).Put(key, make([]byte, 200))
	}
}

// benchLimit is the most that sharing can give: one goroutine with no callers
// to answer, 64 changes in each transaction.
func benchLimit(b *testing.B) {
	file := benchFile(b)
	b.ResetTimer()
	for done := 0; done < b.N; done += benchCallers {
		err := file.Update(func(tx *bolt.Tx) error {
			for i := range min(benchCallers, b.N-done) {
				if err := benchChange(int64(done + i))(tx); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	b.StopTimer()
	perSecond(b)
}

func benchSync(b *testing.B) {
	file, err := os.Create(filepath.Join(b.TempDir(), "raw"))
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	page := make([]byte, 4096)
	for b.Loop() {
		for at := range int64(2) {
			if _, err := file.WriteAt(page, at*4096); err != nil {
				b.Fatal(err)
			}
			if err := file.Sync(); err != nil {
				b.Fatal(err)
			}
		}
	}
	perSecond(b)
}

func perSecond(b *testing.B) {
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "changes/s")
}

func benchFile(b *testing.B) *bolt.DB {
	b.Helper()
	path := filepath.Join(b.TempDir(), "a.db")
	db, err := boltdb.Open(path, marks) // makes the bucket
	if err != nil {
		b.Fatal(err)
	}
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	file, err := bolt.Open(path, 0o600, &bolt.Options{FreelistType: bolt.FreelistMapType})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = file.Close() })
	return file
}
