package backup_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/boltdb/boltdbtest"
	"github.com/doorward/doorward/internal/certs"
	"github.com/doorward/doorward/internal/rpc"
)

// layout is that of the tests' store.
var layout = boltdb.Options{Buckets: []string{"accounts"}, SchemaVersion: 7}

// quick lets a test's copy out as fast as it goes.
var quick = backup.Pace{Most: 1 << 40}

// station is a BackupService over a store, with the log of who asked.
type station struct {
	*testing.T
	db     *boltdb.DB
	client operatorv1.BackupServiceClient

	mu     sync.Mutex
	log    []audit.Record
	refuse error
}

// serve runs a BackupService until the test ends.
func serve(t *testing.T, pace backup.Pace) *station {
	t.Helper()
	s := &station{T: t, db: boltdbtest.Open(t, layout)}
	service, err := backup.New(backup.Config{
		Service: "authn", Store: s.db, Record: s.record, Now: time.Now, Logger: slog.New(slog.DiscardHandler), Pace: pace,
	})
	must(t, err)
	s.client = dial(t, service)
	return s
}

// dial runs any BackupService and connects to it as the operator.
func dial(t *testing.T, service operatorv1.BackupServiceServer) operatorv1.BackupServiceClient {
	t.Helper()
	dir, quiet := t.TempDir(), slog.New(slog.DiscardHandler)
	_, err := certs.Create(dir, []string{"authn", "operator"}, certs.Options{Now: time.Now()})
	must(t, err)
	ours, err := certs.Load(dir, "authn", quiet)
	must(t, err)
	server, err := rpc.NewServer(t.Context(), rpc.ServerConfig{
		Name: "authn", Address: "127.0.0.1:0", TLS: certs.ServerTLS(ours, certs.ServicesOnly),
		Table: access.Table{operatorv1.BackupService_BackUp_FullMethodName: {
			Callers: access.Service, Services: []string{"operator"}, Certificate: true,
			Limit: access.NoLimit(), Priority: access.Deferrable, Audit: true,
		}},
		Authenticate: rpc.MTLSOnly, Logger: quiet, Registerer: prometheus.NewRegistry(), Now: time.Now, StopGrace: time.Second,
	})
	must(t, err)
	operatorv1.RegisterBackupServiceServer(server, service)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- server.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		must(t, <-ended)
	})
	theirs, err := certs.Load(dir, "operator", quiet)
	must(t, err)
	conn, err := rpc.Dial(server.Addr().String(), rpc.ClientConfig{TLS: certs.ClientTLS(theirs, "authn")})
	must(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	return operatorv1.NewBackupServiceClient(conn)
}

func (s *station) record(_ context.Context, r audit.Record) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.refuse != nil {
		return s.refuse
	}
	s.log = append(s.log, r)
	return r.Validate()
}

// records are the actions and outcomes that were noted.
func (s *station) records() (found []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.log {
		found = append(found, r.Action+" "+string(r.Outcome))
	}
	return found
}

// transfer moves money: left and right always add up to nothing.
func (s *station) transfer(ctx context.Context, n int) error {
	return s.db.Update(ctx, func(tx *bolt.Tx) error {
		b := tx.Bucket([]byte("accounts"))
		return errors.Join(b.Put([]byte("left"), fmt.Append(nil, n)), b.Put([]byte("right"), fmt.Append(nil, -n)),
			b.Put(fmt.Appendf(nil, "%08d", n%100), make([]byte, 2000)))
	})
}

// fill makes the store larger than what a connection takes without anybody reading.
func (s *station) fill(bytes int) {
	s.Helper()
	must(s.T, s.db.Update(s.Context(), func(tx *bolt.Tx) error { return tx.Bucket([]byte("accounts")).Put([]byte("big"), make([]byte, bytes)) }))
}

// take takes a copy into dir.
func take(ctx context.Context, client operatorv1.BackupServiceClient, dir string) (backup.Copy, error) {
	return backup.Take(ctx, backup.TakeConfig{
		Client: client, Service: "authn", Dir: dir, Release: "v1", KeepOptions: backup.KeepOptions{Finish: boltdb.FinishCopy},
	})
}

// restored opens a copy in a store's place.
func restored(t *testing.T, c backup.Copy) *boltdb.DB {
	t.Helper()
	path := filepath.Join(t.TempDir(), "authn.db")
	r, err := boltdb.Replace(path, c)
	must(t, err)
	_, err = r.Commit(time.Now())
	must(t, err)
	return boltdbtest.OpenAt(t, path, layout)
}

// isEmpty says that nothing lies in a folder.
func isEmpty(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	must(t, err)
	if len(entries) > 0 {
		t.Errorf("the folder holds %v", entries)
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
