package backup_test

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/fault"
)

// While the store is written to, the copy that arrives is one moment of it.
func TestABackupUnderLoadIsOneMoment(t *testing.T) {
	s := serve(t, quick)
	s.fill(1 << 20)
	must(t, s.transfer(t.Context(), 0))
	ctx, cancel := context.WithCancel(t.Context())
	var writer sync.WaitGroup
	writes := 0
	writer.Go(func() {
		for ctx.Err() == nil {
			if err := s.transfer(context.WithoutCancel(ctx), writes); err != nil {
				t.Error(err)
				return
			}
			writes++
		}
	})
	for range 3 {
		copied, err := take(t.Context(), s.client, t.TempDir())
		must(t, err)
		must(t, restored(t, copied).View(t.Context(), func(tx *bolt.Tx) error {
			b := tx.Bucket([]byte("accounts"))
			if left, right := b.Get([]byte("left")), b.Get([]byte("right")); !bytes.Equal(left, bytes.TrimPrefix(right, []byte("-"))) {
				t.Errorf("left is %s and right %s", left, right)
			}
			return nil
		}))
	}
	cancel()
	writer.Wait()
	if writes < 3 {
		t.Errorf("%d changes were made meanwhile", writes)
	}
}

func TestTheManifestDescribesTheCopy(t *testing.T) {
	s := serve(t, quick)
	s.fill(1 << 20)
	dir := t.TempDir()
	before := time.Now()
	var last, of int64
	copied, err := backup.Take(t.Context(), backup.TakeConfig{
		Client: s.client, Service: "authn", Dir: dir, Release: "v1", KeepOptions: finish,
		Progress: func(come, all int64) { last, of = come, all },
	})
	must(t, err)
	if copied.Service != "authn" || copied.SchemaVersion != 7 || copied.Release != "v1" || copied.Path != backup.CopyFile(dir, "authn") ||
		copied.TakenAt.Before(before) || copied.TakenAt.After(time.Now()) {
		t.Errorf("the manifest says %+v", copied.Manifest)
	}
	if last != of || of < 1<<20 {
		t.Errorf("progress ended at %d of %d", last, of)
	}
	var content bytes.Buffer
	n, err := copied.WriteTo(&content)
	if err != nil || n != copied.Size {
		t.Errorf("WriteTo = %d, %v; want %d", n, err, copied.Size)
	}
	if got, want := s.records(), []string{"store.backup.order done", "store.backup done"}; !slices.Equal(got, want) {
		t.Errorf("on record: %v, want %v", got, want)
	}
	if ended := s.log[1]; ended.Authority != "certificate of operator" || len(ended.Detail["sha256"]) != hex.EncodedLen(32) || ended.Detail["bytes"] == "" {
		t.Errorf("the record is %+v", ended)
	}
}

func TestNothingLeavesWithoutARecord(t *testing.T) {
	s := serve(t, quick)
	s.refuse = errors.New("the disk is full")
	dir := t.TempDir()
	if _, err := take(t.Context(), s.client, dir); fault.KindOf(err) != fault.Internal {
		t.Errorf("Take = %v, want INTERNAL", err)
	}
	isEmpty(t, dir)
}

// hold takes the header of a copy and reads no further.
func (s *station) hold() (drop func()) {
	s.Helper()
	ctx, cancel := context.WithCancel(s.Context())
	stream, err := s.client.BackUp(ctx, &operatorv1.BackUpRequest{})
	must(s.T, err)
	_, err = stream.Recv()
	must(s.T, err)
	return cancel
}

func TestOneBackupAtATime(t *testing.T) {
	s := serve(t, quick)
	s.fill(2 << 20)
	drop := s.hold()
	defer drop()
	dir := t.TempDir()
	_, err := take(t.Context(), s.client, dir)
	if f, ok := fault.As(err); !ok || f.Kind != fault.Exhausted || f.Reason != typev1.Reason_REASON_OVERLOADED || f.RetryAfter == 0 {
		t.Errorf("a second backup = %v, want OVERLOADED with RetryInfo", err)
	}
	isEmpty(t, dir)
	if got := s.records(); len(got) != 1 {
		t.Errorf("on record: %v", got)
	}
}

// A client that stops reading must not keep the store from using its space again, nor others from their backup.
func TestAClientThatDoesntReadIsCutOff(t *testing.T) {
	s := serve(t, backup.Pace{Most: 1 << 40, Least: 1 << 40, Grace: 200 * time.Millisecond})
	s.fill(2 << 20)
	drop := s.hold()
	defer drop()
	await(t, "the first copy is given up", func() bool {
		_, err := take(t.Context(), s.client, t.TempDir())
		return fault.ReasonOf(err) != typev1.Reason_REASON_OVERLOADED
	})
}

func TestACallerThatHangsUpEndsTheCopy(t *testing.T) {
	s := serve(t, quick)
	s.fill(2 << 20)
	drop := s.hold()
	drop()
	await(t, "the end is on record", func() bool {
		return slices.Equal(s.records(), []string{"store.backup.order done", "store.backup failed"})
	})
	_, err := take(t.Context(), s.client, t.TempDir())
	must(t, err)
}

func TestACopyGoesNoFasterThanItsPace(t *testing.T) {
	const megabytes = 4
	s := serve(t, backup.Pace{Most: megabytes << 20 * 5}) // a fifth of a second
	s.fill(megabytes << 20)
	began := time.Now()
	_, err := take(t.Context(), s.client, t.TempDir())
	must(t, err)
	if took := time.Since(began); took < time.Second/5 {
		t.Errorf("%d MiB came in %v", megabytes, took)
	}
}

func TestBackupNeedsItsParts(t *testing.T) {
	if _, err := backup.New(backup.Config{Service: "authn"}); err == nil {
		t.Error("a service was made of nothing")
	}
}

func await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	ticker := time.NewTicker(10 * time.Millisecond)
	defer ticker.Stop()
	for !holds() {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			t.Fatalf("it never came that %s", what)
		}
	}
}

var _ io.WriterTo = backup.Copy{}
