package authn_test

import (
	"path/filepath"
	"testing"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

// backUp takes a copy of the running service, as an operator does.
func (w *world) backUp() backup.Copy {
	w.Helper()
	copied, err := backup.Take(w.Context(), backup.TakeConfig{
		Client: operatorv1.NewBackupServiceClient(w.withCertificate("operator").conn), Service: "authn", Dir: w.TempDir(),
		KeepOptions: backup.KeepOptions{Finish: boltdb.FinishCopy},
	})
	w.must(err)
	return copied
}

// Who takes a copy of the store stands in the store.
func TestABackupIsOnRecord(t *testing.T) {
	w := newWorld(t)
	copied := w.backUp()
	w.stop()
	s, err := boltstore.Open(filepath.Join(w.cfg.DataDir, "authn.db"), boltstore.Options{})
	w.must(err)
	records, err := s.Audit(t.Context(), audit.Page{NewestFirst: true, Limit: 2})
	w.must(err)
	w.must(s.Close())
	for i, action := range []string{"store.backup", "store.backup.order"} {
		r := records[i]
		if r.Action != action || r.Outcome != audit.Done || r.Actor.ID != "operator" || r.Authority != "certificate of operator" || r.RequestID == "" {
			t.Errorf("on record: %+v", r)
		}
	}
	if copied.Service != "authn" || copied.Size == 0 {
		t.Errorf("the copy is %+v", copied.Manifest)
	}
}
