package notify_test

import (
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	notifyv1 "github.com/doorward/doorward/gen/doorward/notify/v1"
	operatorv1 "github.com/doorward/doorward/gen/doorward/operator/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/services/notify"
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

// restore stops notify and restores it.
func (s *suite) restore(from backup.Copy) {
	s.Helper()
	s.stop()
	_, err := notify.Restore(s.deadline(), s.cfg.DataDir, from, "a drill")
	s.must(err)
	if r := s.audited(1)[0]; r.Action != "store.restore" || r.Reason != "a drill" || r.Detail["sha256"] != from.SHA256 {
		s.Errorf("on record: %+v", r)
	}
}

// What the backup holds as waiting is sent, also where it was sent since: an alert too many is better than none.
func TestARestoredNotifySendsWhatWaitedOnceMore(t *testing.T) {
	s := newSuite(t)
	address := s.cfg.SMTP.Address
	s.cfg.SMTP.Address = unused(t)
	s.authn.tells(ann)
	s.start()
	event := s.strangerSignsIn()
	s.of(event, queued)
	copied := s.backUp()
	s.stop()
	s.cfg.SMTP.Address = address
	s.clock.advance(time.Hour)
	s.start()
	s.of(event, accepted)
	s.restore(copied)
	s.start()
	s.of(event, accepted)
	if n := len(s.inbox.Messages()); n != 2 {
		t.Errorf("%d mails, want the alert once before the restore and once after", n)
	}
}

// An alert that was mailed after the backup isn't known any more, and doesn't come again: NATS has its acknowledgement. Its link leads nowhere,
// which docs/backup.md tells.
func TestAlertsMailedSinceTheBackupCantBeAnswered(t *testing.T) {
	s := newSuite(t)
	s.authn.tells(ann)
	s.start()
	copied := s.backUp()
	event := s.strangerSignsIn()
	link := s.mail(ann).Links[0]
	s.of(event, accepted)
	s.restore(copied)
	s.start()
	s.of(s.strangerSignsIn(), accepted) // events are handled as they come: the first would have been before it
	if n := len(s.deliveries()); n != 1 {
		t.Errorf("%d deliveries are known, want the new one alone", n)
	}
	parts := strings.Split(link, "/")
	_, err := s.portal().DescribeContainment(s.deadline(), &notifyv1.DescribeContainmentRequest{
		DeliveryId: parts[len(parts)-2], ContainToken: parts[len(parts)-1],
	})
	if fault.ReasonOf(err) != typev1.Reason_REASON_CONTAIN_TOKEN_INVALID {
		t.Errorf("the link of a forgotten alert: %v", err)
	}
}
