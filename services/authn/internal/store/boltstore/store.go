package boltstore

import (
	"context"
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/application"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// schemaVersion is the layout of buckets and indexes. It rises only when the release before couldn't read the file any more.
const schemaVersion = 1

// Options says who watches the store. The zero value is good.
type Options struct {
	// Copy admits a file that is a backup. Only a restore sets it, which makes it fit for service.
	Copy bool
	// Now is the clock for measurements; nil means time.Now.
	Now func() time.Time
	// Logger hears of failed commits; nil discards.
	Logger *slog.Logger
	// Registerer takes the metrics; nil keeps them to itself.
	Registerer prometheus.Registerer
}

// Store is authn's storage in one file. Its methods are safe for concurrent use.
type Store struct {
	db     *boltdb.DB
	outbox *boltdb.Outbox

	// These remember what they have read, for VerifySession.
	users        table[account.User]
	sessions     *set[session.Session]
	applications table[application.Application]
}

// remembered is how many records of a kind stay in memory, of a kilobyte or less.
const remembered = 16384

var (
	_ store.Store  = (*Store)(nil)
	_ backup.Store = (*Store)(nil)
)

// Open opens or creates the file at path. The caller closes the store.
func Open(path string, o Options) (*Store, error) {
	s := &Store{users: newUserTable(), sessions: newSessionSet(), applications: newApplicationTable()}
	db, err := boltdb.Open(path, boltdb.Options{
		Copy:          o.Copy,
		Buckets:       s.buckets(),
		SchemaVersion: schemaVersion,
		Now:           o.Now,
		Logger:        o.Logger,
		Registerer:    o.Registerer,
	})
	if err != nil {
		return nil, err
	}
	s.db, s.outbox = db, boltdb.NewOutbox(db)
	return s, nil
}

// View runs fn in a read transaction, in the caller's goroutine.
func (s *Store) View(ctx context.Context, fn func(store.Tx) error) error {
	return s.db.View(ctx, func(tx *bolt.Tx) error { return fn(s.roles(ctx, tx)) })
}

// Update runs fn in a write transaction that it may share with others, and returns when it is on disk.
func (s *Store) Update(ctx context.Context, fn func(store.Tx) error) error {
	return s.db.Update(ctx, func(tx *bolt.Tx) error { return fn(s.roles(ctx, tx)) })
}

// Queue is the outbox as the relay sees it.
func (s *Store) Queue() outbox.Queue { return s.outbox }

// Audit returns one page of the audit log.
func (s *Store) Audit(ctx context.Context, page audit.Page) (records []audit.Record, err error) {
	err = s.db.View(ctx, func(tx *bolt.Tx) (err error) {
		records, err = boltdb.AuditIn(tx).List(page)
		return err
	})
	return records, err
}

// Snapshot implements backup.Store.
func (s *Store) Snapshot(ctx context.Context, fn func(backup.Snapshot) error) error {
	return s.db.Snapshot(ctx, fn)
}

// Health is nil while commits reach the disk, and otherwise says why the last one didn't.
func (s *Store) Health() error { return s.db.Health() }

// Probe is Health that tries a commit while the last one failed.
func (s *Store) Probe(ctx context.Context) error { return s.db.Probe(ctx) }

// Close lets the calls that were accepted finish and releases the file. A second Close does nothing.
func (s *Store) Close() error { return s.db.Close() }

// scope is a transaction of a store, for the roles whose tables are the store's own.
type scope struct {
	tx    *bolt.Tx
	store *Store
}

func (s *Store) roles(ctx context.Context, tx *bolt.Tx) store.Tx {
	own := &scope{tx, s}
	return store.Tx{
		Users:        users{own},
		Devices:      devices{tx},
		Sessions:     sessions{own},
		Attempts:     attempts{tx},
		Budgets:      budgets{tx},
		Lockouts:     lockouts{tx},
		Applications: applications{own},
		SigningKeys:  signingKeys{tx},
		Alerts:       alerts{tx},
		Restrictions: restrictions{tx},
		Invitations:  invitations{tx},
		Specimens:    specimens{tx},
		Outbox:       s.outbox.In(ctx, tx),
		Audit:        boltdb.AuditIn(tx),
		Policies:     boltdb.PolicyIn(tx),
	}
}

func (s *Store) buckets() []string {
	return slices.Concat(
		[]string{
			s.users.Name(), userByEmail.Bucket, userByExternalID.Bucket, userByImport.Bucket, usersByMailbox.Bucket,
			deviceSet.table.Name(), devicesByUser.Bucket, deviceBySecret.Bucket,
			s.sessions.table.Name(), sessionsByUser.table.Bucket, sessionsActive.Bucket, sessionsByExpiry.Bucket,
			attemptSet.table.Name(), attemptsByKey.Bucket, attemptsByExpiry.Bucket,
			budgetSet.table.Name(), budgetsByExpiry.Bucket,
			lockoutSet.table.Name(), lockoutsByExpiry.Bucket,
			s.applications.Name(), applicationByName.Bucket,
			apiKeyTable.Bucket, apiKeyBySecret.Bucket,
			signingKeyTable.Bucket,
			alertSet.table.Name(), alertsByTime.Bucket,
			restrictionTable.Bucket, restrictionAdditions.Bucket, restrictionChanges.Bucket, restrictionState.Bucket,
			invitationTable.Bucket, invitationsByEmail.table.Bucket, invitationsOpen.Bucket, invitationsByEnd.Bucket, invitationBySecret.Bucket,
			specimenTable.Bucket,
		},
		boltdb.OutboxBuckets(), boltdb.AuditBuckets(), boltdb.PolicyBuckets(),
	)
}
