package boltdb_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/outbox/outboxtest"
)

// store is a service's store as the outbox's suite wants it.
type store struct {
	*boltdb.Outbox
	db *boltdb.DB
}

func (s store) Append(ctx context.Context, rows ...outbox.Row) error {
	return s.db.Update(ctx, func(tx *bolt.Tx) error {
		for _, row := range rows {
			if err := s.In(ctx, tx).Append(row); err != nil {
				return err
			}
		}
		return nil
	})
}

func openOutbox(t *testing.T) store {
	db := boltdbtest.Open(t, boltdb.Options{Buckets: boltdb.OutboxBuckets()})
	return store{Outbox: boltdb.NewOutbox(db), db: db}
}

func TestOutboxKeepsTheContract(t *testing.T) {
	outboxtest.Run(t, func(t *testing.T) outboxtest.Store { return openOutbox(t) })
}

func TestOutboxRefusesAnIDTwice(t *testing.T) {
	s := openOutbox(t)
	row := outboxtest.NewRow(1, "usr_1")
	if err := s.Append(t.Context(), row); err != nil {
		t.Fatal(err)
	}
	if err := s.Append(t.Context(), row); err == nil {
		t.Error("a second row with the same id was taken")
	}
}

func TestOutboxForgetsNothingOfAFailedTransaction(t *testing.T) {
	s := openOutbox(t)
	failed := errors.New("failed")
	err := s.db.Update(t.Context(), func(tx *bolt.Tx) error {
		return errors.Join(s.In(t.Context(), tx).Append(outboxtest.NewRow(1, "")), failed)
	})
	if !errors.Is(err, failed) {
		t.Fatalf("Update = %v", err)
	}
	if n, _, err := s.Depth(t.Context()); n != 0 || err != nil {
		t.Errorf("Depth = %d, %v after a rollback, want 0", n, err)
	}
	select {
	case <-s.Changed():
		t.Error("the relay was woken for a rollback")
	default:
	}
}

// More rows than one transaction moves: rewinding and forgetting reach all of
// them, those of another creation of the stream and those beyond its end.
func TestOutboxRewindsAndForgetsAnyNumber(t *testing.T) {
	s := openOutbox(t)
	ctx := t.Context()
	const n = 1300
	before, created := time.Unix(1_000, 1), time.Unix(2_000, 2)
	at := time.Unix(5_000, 0)
	rows := make([]outbox.Row, n)
	acks := make([]outbox.Ack, n)
	for i := range n {
		rows[i] = outboxtest.NewRow(i, "")
		rows[i].ID = fmt.Sprintf("evt_%05d", i)
		acks[i] = outbox.Ack{ID: rows[i].ID, Stream: "S", StreamCreated: created, Sequence: uint64(i + 1), At: at}
		if i < 600 {
			acks[i].StreamCreated = before
		}
	}
	if err := errors.Join(s.Append(ctx, rows...), s.Acknowledged(ctx, acks)); err != nil {
		t.Fatal(err)
	}
	// The stream holds 601 to 700: 600 rows are of the old stream, 600 beyond.
	if got, err := s.Rewind(ctx, "S", created, 700); got != 1200 || err != nil {
		t.Fatalf("Rewind = %d, %v, want 1200", got, err)
	}
	if got, _, err := s.Depth(ctx); got != 1200 || err != nil {
		t.Fatalf("Depth = %d, %v, want 1200", got, err)
	}
	if got, err := s.Rewind(ctx, "S", created, 700); got != 0 || err != nil {
		t.Fatalf("a second Rewind = %d, %v, want 0", got, err)
	}
	if err := s.Acknowledged(ctx, acks); err != nil {
		t.Fatal(err)
	}
	if got, err := s.Forget(ctx, at.Add(1)); got != n || err != nil {
		t.Fatalf("Forget = %d, %v, want %d", got, err, n)
	}
	for _, name := range boltdb.OutboxBuckets() {
		err := s.db.View(ctx, func(tx *bolt.Tx) error {
			if left := tx.Bucket([]byte(name)).Stats().KeyN; left != 0 {
				t.Errorf("bucket %s still holds %d entries", name, left)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
