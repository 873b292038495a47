package risk_test

import (
	"testing"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/services/risk/internal/store/boltstore"
)

// backUp takes a copy of the running service, as an operator does.
func (d *deployment) backUp() backup.Copy {
	d.Helper()
	copied, err := backup.Take(deadline(d), backup.TakeConfig{
		Client: operatorv1.NewBackupServiceClient(d.dial("operator")), Service: "risk", Dir: d.TempDir(),
		KeepOptions: backup.KeepOptions{Finish: boltdb.FinishCopy},
	})
	must(d, err)
	return copied
}

// Who takes a copy of the store stands in the store.
func TestABackupIsOnRecord(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.backUp()
	d.stop()
	s, err := boltstore.Open(d.path("data", "risk.db"), boltstore.Options{})
	must(t, err)
	records, err := s.Audit(t.Context(), audit.Page{NewestFirst: true, Limit: 2})
	must(t, err)
	must(t, s.Close())
	for i, action := range []string{"store.backup", "store.backup.order"} {
		if r := records[i]; r.Action != action || r.Outcome != audit.Done || r.Authority != "certificate of operator" {
			t.Errorf("on record: %+v", r)
		}
	}
}
