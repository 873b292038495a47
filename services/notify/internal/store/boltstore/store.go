// Package boltstore keeps notify's store in one bbolt file, by internal/boltdb. It owns the file's buckets and indexes; what the roles
// promise stands in package store, and storetest holds it to that. Only notify's own package opens it.
package boltstore

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/notify/internal/store"
)

// schema is the layout this release writes.
const schema = 1

// Options says who watches the store.
type Options struct {
	// Copy admits a file that is a backup. Only a restore sets it, which makes it fit for service.
	Copy       bool
	Now        func() time.Time
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Store is notify's store in one file.
type Store struct {
	db     *boltdb.DB
	outbox *boltdb.Outbox
}

var (
	_ store.Store  = (*Store)(nil)
	_ backup.Store = (*Store)(nil)
)

// Open opens or creates the file, for its owner alone.
func Open(path string, o Options) (*Store, error) {
	db, err := boltdb.Open(path, boltdb.Options{
		Copy: o.Copy,
		Buckets: slices.Concat(
			deliveryBuckets(), eventBuckets(), capBuckets(),
			boltdb.OutboxBuckets(), boltdb.AuditBuckets(), boltdb.PolicyBuckets(),
		),
		SchemaVersion: schema,
		Now:           o.Now,
		Logger:        o.Logger,
		Registerer:    o.Registerer,
	})
	if err != nil {
		return nil, fmt.Errorf("open notify's store: %w", err)
	}
	return &Store{db: db, outbox: boltdb.NewOutbox(db)}, nil
}

// View implements store.Store.
func (s *Store) View(ctx context.Context, fn func(store.Tx) error) error {
	return s.db.View(ctx, func(tx *bolt.Tx) error { return fn(s.roles(ctx, tx)) })
}

// Update implements store.Store.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.db.Update(ctx, func(tx *bolt.Tx) error { return fn(s.roles(ctx, tx)) })
}

func (s *Store) roles(ctx context.Context, tx *bolt.Tx) store.Tx {
	return store.Tx{
		Deliveries: newDeliveries(tx),
		Events:     newEvents(tx),
		Caps:       newCaps(tx),
		Outbox:     s.outbox.In(ctx, tx),
		Audit:      boltdb.AuditIn(tx),
		Policies:   boltdb.PolicyIn(tx),
	}
}

// Queue is the outbox as the relay sees it.
func (s *Store) Queue() outbox.Queue { return s.outbox }

// Snapshot implements backup.Store.
func (s *Store) Snapshot(ctx context.Context, fn func(backup.Snapshot) error) error {
	return s.db.Snapshot(ctx, fn)
}

// Health is nil while commits reach the disk.
func (s *Store) Health() error { return s.db.Health() }

// Probe is Health that tries a commit while the last one failed.
func (s *Store) Probe(ctx context.Context) error { return s.db.Probe(ctx) }

// Close finishes what was accepted and releases the file.
func (s *Store) Close() error { return s.db.Close() }
