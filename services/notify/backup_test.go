package notify_test

import (
	"path/filepath"
	"testing"

	bolt "go.etcd.io/bbolt"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
)

// backUp takes a copy of the running service, as an operator does.
func (s *suite) backUp() backup.Copy {
	s.Helper()
	copied, err := backup.Take(s.deadline(), backup.TakeConfig{
		Client: operatorv1.NewBackupServiceClient(s.dial("operator")), Service: "notify", Dir: s.TempDir(),
		KeepOptions: backup.KeepOptions{Finish: boltdb.FinishCopy},
	})
	s.must(err)
	return copied
}

// audited is the newest audit records, the newest first.
func (s *suite) audited(limit int) (records []audit.Record) {
	s.Helper()
	db, err := boltdb.Open(filepath.Join(s.cfg.DataDir, "notify.db"), boltdb.Options{SchemaVersion: 1, Buckets: boltdb.AuditBuckets()})
	s.must(err)
	s.must(db.View(s.deadline(), func(tx *bolt.Tx) (err error) {
		records, err = boltdb.AuditIn(tx).List(audit.Page{NewestFirst: true, Limit: limit})
		return err
	}))
	s.must(db.Close())
	return records
}

// Who takes a copy of the store stands in the store.
func TestABackupIsOnRecord(t *testing.T) {
	s := newSuite(t)
	s.start()
	s.backUp()
	s.stop()
	for i, action := range []string{"store.backup", "store.backup.order"} {
		if r := s.audited(2)[i]; r.Action != action || r.Outcome != audit.Done || r.Authority != "certificate of operator" {
			t.Errorf("on record: %+v", r)
		}
	}
}
