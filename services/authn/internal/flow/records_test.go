package flow_test

import (
	"cmp"
	"slices"
	"testing"

	gocmp "github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"google.golang.org/protobuf/proto"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/outbox"
	"github.com/doorward/doorward/internal/seal"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/device"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// rows is the whole outbox: nothing in these tests publishes.
func (w *world) rows() []outbox.Row {
	w.t.Helper()
	rows, err := w.store.Queue().Pending(w.t.Context(), 0)
	w.must(err)
	return rows
}

// rowsDuring are the rows that a call appended.
func (w *world) rowsDuring(call func()) []outbox.Row {
	w.t.Helper()
	before := len(w.rows())
	call()
	return w.rows()[before:]
}

func types(rows []outbox.Row) []string {
	names := make([]string, len(rows))
	for i, r := range rows {
		names[i] = r.Type
	}
	return names
}

func expectTypes(t *testing.T, rows []outbox.Row, want ...string) {
	t.Helper()
	if diff := gocmp.Diff(want, types(rows), cmpopts.EquateEmpty()); diff != "" {
		t.Fatalf("events (-want +got):\n%s", diff)
	}
}

// decoded reads the one row of a type into a message.
func decoded[M proto.Message](t *testing.T, rows []outbox.Row, eventType string, into M) (outbox.Row, M) {
	t.Helper()
	at := slices.IndexFunc(rows, func(r outbox.Row) bool { return r.Type == eventType })
	if at < 0 {
		t.Fatalf("no %s among %v", eventType, types(rows))
	}
	if err := proto.Unmarshal(rows[at].Data, into); err != nil {
		t.Fatal(err)
	}
	return rows[at], into
}

// mail is one sealed mail, opened with notify's key.
type mail struct {
	row     outbox.Row
	sealed  *eventv1.SealedMail
	content *eventv1.MailContent
}

// mails are all mails queued so far, oldest first.
func (w *world) mails() []mail {
	w.t.Helper()
	var mails []mail
	for _, r := range w.rows() {
		if r.Type == "mail.send.v1" {
			mails = append(mails, w.open(r))
		}
	}
	return mails
}

func (w *world) open(r outbox.Row) mail {
	w.t.Helper()
	m := mail{row: r, sealed: new(eventv1.SealedMail), content: new(eventv1.MailContent)}
	w.must(proto.Unmarshal(r.Data, m.sealed))
	expires := m.sealed.GetExpiresAt().AsTime()
	plain, err := w.mailKey.Open(
		seal.Envelope{KeyID: m.sealed.GetKeyId(), Enc: m.sealed.GetEncapsulatedKey(), Ciphertext: m.sealed.GetCiphertext()},
		seal.AAD{MessageID: r.ID, Recipient: m.sealed.GetEmail(), Purpose: m.sealed.GetPurpose().String(), Expires: expires},
		r.Time,
	)
	w.must(err)
	w.must(proto.Unmarshal(plain, m.content))
	return m
}

func (w *world) audits() []audit.Record {
	w.t.Helper()
	records, err := w.store.Audit(w.t.Context(), audit.Page{})
	w.must(err)
	return records
}

func (w *world) lastAudit() audit.Record {
	w.t.Helper()
	records := w.audits()
	if len(records) == 0 {
		w.t.Fatal("nothing was audited")
	}
	// Ids made within one millisecond are in no order; the sequence is.
	return slices.MaxFunc(records, func(a, b audit.Record) int { return cmp.Compare(a.Sequence, b.Sequence) })
}

// picture is all that is kept of a user, and how much was said.
type picture struct {
	User     account.User
	Devices  []device.Device
	Sessions []session.Session
	Rows     []string
	Audits   int
}

func (w *world) picture(userID string) picture {
	w.t.Helper()
	p := picture{Rows: types(w.rows()), Audits: len(w.audits())}
	w.view(func(tx store.Tx) error {
		var err error
		if p.User, _, err = tx.Users.Get(userID); err != nil {
			return err
		}
		if p.Devices, err = tx.Devices.OfUser(userID); err != nil {
			return err
		}
		p.Sessions, err = tx.Sessions.OfUser(userID, "", 100)
		return err
	})
	return p
}

func expectUnchanged(t *testing.T, before, after picture) {
	t.Helper()
	if diff := gocmp.Diff(before, after); diff != "" {
		t.Fatalf("something changed (-before +after):\n%s", diff)
	}
}

func (w *world) user(userID string) account.User {
	w.t.Helper()
	var u account.User
	w.view(func(tx store.Tx) (err error) {
		u, _, err = tx.Users.Get(userID)
		return err
	})
	return u
}

func (w *world) session(sessionID string) session.Session {
	w.t.Helper()
	var s session.Session
	w.view(func(tx store.Tx) (err error) {
		s, _, err = tx.Sessions.Get(sessionID)
		return err
	})
	return s
}

func (w *world) device(deviceID string) device.Device {
	w.t.Helper()
	var d device.Device
	w.view(func(tx store.Tx) (err error) {
		d, _, err = tx.Devices.Get(deviceID)
		return err
	})
	return d
}

// attempt is an attempt as it is kept, and whether it is.
func (w *world) attempt(attemptID string) (attempt.Attempt, bool) {
	w.t.Helper()
	var a attempt.Attempt
	var found bool
	w.view(func(tx store.Tx) (err error) {
		a, found, err = tx.Attempts.Get(attemptID)
		return err
	})
	return a, found
}

func (w *world) trusted(deviceID string) bool {
	w.t.Helper()
	d := w.device(deviceID)
	return d.Trusted(w.clock.Now())
}
