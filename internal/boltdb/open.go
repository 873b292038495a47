package boltdb

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/doorward/doorward/internal/durable"
)

var (
	// ErrClosed is answered by a DB that was closed.
	ErrClosed = errors.New("the store is closed")
	// ErrLocked is returned by Open when another process holds the file.
	ErrLocked = errors.New("the store is locked")
	// ErrNewerSchema is returned by Open for a file that a newer release wrote.
	ErrNewerSchema = errors.New("the store was written by a newer release")
)

const (
	fileMode = 0o600
	dirMode  = 0o700

	// queueSize bounds the closures that wait. Beyond it, Update waits for its
	// turn to queue, as long as its context lasts.
	queueSize = 1024
	// maxBatch bounds one transaction, and so how long a caller can wait for
	// the closures of others.
	maxBatch = 256

	defaultLockTimeout = time.Second

	// mapped is how much of the address space is laid out for the file: 64 GiB
	// where there is room, which costs no memory. A file that outgrows it is laid
	// out anew, and that waits for every read transaction: writers would stand
	// still for as long as a backup takes.
	mapped = 1 << (strconv.IntSize/2 + 4)
)

// Options says what a store file holds and who watches it.
type Options struct {
	// Buckets are created when they are missing.
	Buckets []string
	// SchemaVersion is the layout this release writes, from 1. A file with a
	// higher one is refused. Raise it only when the previous release couldn't
	// read the file: records carry versions of their own (see Table).
	SchemaVersion uint64
	// Migrations lead an older file to SchemaVersion. Each brings a file of the
	// version that is its key to the next one. All that are needed run in one
	// transaction, after a copy of the file was made beside it; when one fails, the
	// file stays as it was.
	Migrations map[uint64]Migration
	// Copy admits a file that is a copy of a store: see FinishCopy. Only who makes
	// one fit for service sets it.
	Copy bool
	// LockTimeout is how long Open waits for the file's lock; 0 means 1 s.
	LockTimeout time.Duration
	// Now is the clock for measurements and names; nil means time.Now.
	Now func() time.Time
	// Logger hears of migrations, panicking closures and failed commits; nil discards.
	Logger *slog.Logger
	// Registerer takes the metrics, labelled with the file's name; nil keeps
	// them to itself.
	Registerer prometheus.Registerer
}

// DB is an open store file. Its methods are safe for concurrent use.
type DB struct {
	bolt    *bolt.DB
	now     func() time.Time
	logger  *slog.Logger
	metrics *metrics

	// The queue is closed by Close alone; gate keeps that from happening while
	// an Update is putting something into it.
	gate   sync.RWMutex
	closed bool
	queue  chan *call

	// stopped is closed when the writer has answered its last call.
	stopped chan struct{}
	// broken holds the last commit's failure until one succeeds.
	broken atomic.Pointer[error]
}

// Open opens or creates the store at path, checks its schema and starts the
// goroutine that writes to it. That goroutine ends with Close.
func Open(path string, o Options) (*DB, error) {
	if o.SchemaVersion == 0 {
		return nil, errors.New("boltdb: SchemaVersion must be 1 or more")
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	file, err := openFile(path, o.LockTimeout)
	if err != nil {
		return nil, err
	}
	if err := o.prepare(file); err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), file.Close())
	}
	db := &DB{
		bolt:    file,
		now:     o.Now,
		logger:  o.Logger,
		queue:   make(chan *call, queueSize),
		stopped: make(chan struct{}),
	}
	db.metrics, err = newMetrics(o.Registerer, db)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("open store %s: %w", path, err), file.Close())
	}
	go db.write()
	return db, nil
}

// CheckFree is ErrLocked when another process has the store at path open, and nil when nobody has or there is none. It changes nothing: it is for
// who must know before touching what lies beside a store.
func CheckFree(path string) error {
	const moment = 100 * time.Millisecond
	file, err := bolt.Open(path, fileMode, &bolt.Options{ReadOnly: true, Timeout: moment})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return lockedError(path)
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fmt.Errorf("open store %s: %w", path, err)
	}
	return file.Close()
}

func lockedError(path string) error {
	return fmt.Errorf("another doorward process holds %s: stop it, or choose another data folder: %w", path, ErrLocked)
}

// Path is the file's path.
func (db *DB) Path() string { return db.bolt.Path() }

// View runs fn in a read transaction in the caller's goroutine. fn sees the
// last commit and must not call Update, which may have to wait for it.
func (db *DB) View(ctx context.Context, fn func(*bolt.Tx) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	err := db.bolt.View(fn)
	if errors.Is(err, bolterrors.ErrDatabaseNotOpen) {
		return ErrClosed
	}
	return err
}

// Health is nil while commits reach the disk, and otherwise says why the last
// one didn't. A service that gets an error here reports that it isn't serving.
// The next commit that succeeds clears it; see Probe.
func (db *DB) Health() error {
	if err := db.broken.Load(); err != nil {
		return *err
	}
	return nil
}

// Probe is Health that can heal: callers stay away from a service that isn't
// serving, so whether the disk is back shows only when somebody tries. While the
// last commit failed, Probe tries one of nothing. On a full disk that may
// succeed where a larger one still fails; the next one that does says so again.
func (db *DB) Probe(ctx context.Context) error {
	if db.Health() == nil {
		return nil
	}
	return db.Update(ctx, func(*bolt.Tx) error { return nil })
}

// Close refuses new calls, lets those that were accepted finish, and releases
// the file. It waits for read transactions. A second Close does nothing.
func (db *DB) Close() error {
	db.gate.Lock()
	first := !db.closed
	if first {
		db.closed = true
		close(db.queue)
	}
	db.gate.Unlock()
	<-db.stopped
	if !first {
		return nil
	}
	db.metrics.unregister()
	return db.bolt.Close()
}

// openFile opens the bbolt file for its owner alone.
func openFile(path string, lockTimeout time.Duration) (*bolt.DB, error) {
	if lockTimeout <= 0 {
		lockTimeout = defaultLockTimeout
	}
	if err := os.MkdirAll(filepath.Dir(path), dirMode); err != nil {
		return nil, fmt.Errorf("make the store's folder: %w", err)
	}
	fresh, err := tighten(path)
	if err != nil {
		return nil, err
	}
	before, _ := os.Stat(path) // nothing where there is none yet
	file, err := openCarefully(path, &bolt.Options{
		Timeout:         lockTimeout,
		FreelistType:    bolt.FreelistMapType,
		InitialMmapSize: mapped,
	})
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return nil, lockedError(path)
	case err != nil:
		return nil, fmt.Errorf("open store %s (if it is damaged, restore a backup): %w", path, err)
	}
	if !fresh {
		return stillThere(path, before, file)
	}
	// The name of a new file survives a power cut only when its folder is synced.
	if err := durable.SyncDir(filepath.Dir(path)); err != nil {
		return nil, errors.Join(fmt.Errorf("sync the store's folder: %w", err), file.Close())
	}
	return file, nil
}

// openCarefully makes an error of bbolt's panic about a page that can't be: it panics at some damages and returns an error for others.
func openCarefully(path string, options *bolt.Options) (file *bolt.DB, err error) {
	defer func() {
		if p := recover(); p != nil {
			file, err = nil, fmt.Errorf("%v", p)
		}
	}()
	return bolt.Open(path, fileMode, options)
}

// stillThere lets go of a file that another took the place of while its lock was waited for, as a restore does: what is written to it would be lost.
func stillThere(path string, before os.FileInfo, file *bolt.DB) (*bolt.DB, error) {
	now, err := os.Stat(path)
	if err == nil && os.SameFile(before, now) {
		return file, nil
	}
	return nil, errors.Join(fmt.Errorf("store %s was replaced while it was being opened: start again: %w", path, ErrLocked), err, file.Close())
}

// tighten takes the file from everybody but its owner, as a restored backup may
// have come with a wider mode. It reports whether there is no file yet.
func tighten(path string) (fresh bool, err error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return true, nil
	}
	if err != nil {
		return false, fmt.Errorf("open store: %w", err)
	}
	if info.Mode().Perm()&^fileMode == 0 {
		return false, nil
	}
	if err := os.Chmod(path, fileMode); err != nil {
		return false, fmt.Errorf("store %s is open to other users and its mode can't be changed; make it 0600: %w", path, err)
	}
	return false, nil
}
