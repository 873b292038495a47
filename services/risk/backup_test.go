package risk_test

import (
	"errors"
	"testing"

	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/services/risk"
	"github.com/doorward/doorward/services/risk/internal/history"
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

// restore stops risk, restores it and starts it again.
func (d *deployment) restore(from backup.Copy) {
	d.Helper()
	d.stop()
	_, err := risk.Restore(deadline(d), d.path("data"), from, "a drill")
	must(d, err)
	d.start()
}

// What happened after the backup is in the stream, and comes back from there.
func TestARestoredHistoryCatchesUp(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.publish(d.signedIn("usr_1", 1, "DE", ""))
	d.applied(bus.StreamAuthn, 1)
	copied := d.backUp()
	d.publish(d.signedIn("usr_1", 2, "FR", ""), d.signedIn("usr_1", 3, "BR", ""), d.containedSession("usr_1", 4, 3))
	d.applied(bus.StreamAuthn, 4)
	d.restore(copied)
	d.clock.forward(week)
	d.wantAnswer(d.from("usr_1", "DE"), open, allow)
	d.wantAnswer(d.from("usr_1", "FR"), open, allow)
	d.wantAnswer(d.from("usr_1", "BR"), open, verify, "country.new")
}

// authn came back from a backup: its events count on from a version that is above all that risk has seen, and are neither old nor known.
func TestEventsOfARestoredAuthnAreLearnt(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	var lost []outbox.Row
	const seen = 2 * history.MaxRecent // more than a history keeps in full, so that what is older counts as known
	for n := range uint64(seen) {
		lost = append(lost, d.signedIn("usr_1", n+1, "DE", ""))
	}
	d.publish(lost...)
	d.applied(bus.StreamAuthn, seen)
	counted := d.signedIn("usr_1", 3, "FR", "") // as from a store that came back without that
	counted.ID = "evt_after_a_careless_restore"
	d.publish(counted)
	lifted := d.signedIn("usr_1", uint64(d.clock.now().UnixMicro())+1, "BR", "")
	d.publish(lifted)
	d.applied(bus.StreamAuthn, seen+2)
	d.clock.forward(week)
	d.wantAnswer(d.from("usr_1", "BR"), open, allow)
	d.wantAnswer(d.from("usr_1", "FR"), open, verify, "country.new")
}

func TestARunningRiskIsntRestored(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	if _, err := risk.Restore(deadline(t), d.path("data"), d.backUp(), ""); !errors.Is(err, boltdb.ErrLocked) {
		t.Errorf("Restore = %v, want ErrLocked", err)
	}
}
