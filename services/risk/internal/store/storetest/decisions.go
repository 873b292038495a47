package storetest

import (
	"errors"
	"fmt"
	"net/netip"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/services/risk/internal/decision"
	"github.com/doorward/doorward/services/risk/internal/history"
	"github.com/doorward/doorward/services/risk/internal/score"
	"github.com/doorward/doorward/services/risk/internal/signal"
	"github.com/doorward/doorward/services/risk/internal/store"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// ids are made once, a minute apart, so that the n-th is the same throughout a run.
var ids = func() (made [20]string) {
	for n := range made {
		made[n] = id.New("dec", minute(n))
	}
	return made
}()

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

func decisionID(n int) string { return ids[n] }

// sampleRecord is the n-th decision, with every field filled.
func sampleRecord(n int, userID string) decision.Record {
	return decision.Record{
		ID: decisionID(n), At: minute(n), Purpose: decision.SignIn, AttemptID: fmt.Sprintf("att_%d", n), UserID: userID,
		IP: netip.MustParseAddr("2001:db8::1"), Country: "DE", KnownDevice: true,
		Gate: score.Challenge, Verdict: score.VerifyDevice, PolicyVersion: 2,
		Contributions: []score.Contribution{
			{Signal: signal.Signal{Name: signal.IPFailures, Strength: signal.Raised, Value: "31", Reason: "Too many."}, Gate: score.Challenge},
			{Signal: signal.Signal{Name: signal.NewCountry, Strength: signal.Raised, Value: "DE", Reason: "Never."}, Verdict: score.VerifyDevice},
		},
	}
}

func sampleHistory() history.History {
	return history.Apply(history.History{}, history.SignIn{EventID: "evt_1", UserVersion: 4, SessionID: "ses_1", At: noon, Country: "DE"})
}

func sampleCursor() history.Cursor {
	return history.Cursor{StreamCreated: noon, Sequence: 17, EventID: "evt_1", Stored: minute(1)}
}

// Records is one record of each kind.
type Records struct {
	History  history.History
	Cursor   history.Cursor
	Decision decision.Record
}

// Samples are the same at every call.
func Samples() Records {
	d := sampleRecord(1, "usr_1")
	d.ID = "dec_00000000000000000000000001"
	return Records{History: sampleHistory(), Cursor: sampleCursor(), Decision: d}
}

// Put writes all of them.
func (r Records) Put(tx store.Tx) error {
	return errors.Join(tx.Histories.Put("usr_1", r.History), tx.Cursors.Put("S", r.Cursor), tx.Decisions.Add(r.Decision))
}

// Read reads all of them back. What isn't there stays empty.
func (r Records) Read(tx store.Tx) (Records, error) {
	h, errHistory := tx.Histories.Get("usr_1")
	c, errCursor := tx.Cursors.Get("S")
	d, _, errDecision := tx.Decisions.Get(r.Decision.ID)
	return Records{History: h, Cursor: c, Decision: d}, errors.Join(errHistory, errCursor, errDecision)
}

func decisionTests() []test {
	return []test{
		{"RecordComesBackWhole", func(t *testing.T, s store.Store) {
			add(t, s, sampleRecord(1, "usr_1"))
			view(t, s, func(tx store.Tx) error {
				got, found, err := tx.Decisions.Get(decisionID(1))
				if diff := cmp.Diff(sampleRecord(1, "usr_1"), got, netAddr); diff != "" || !found {
					t.Errorf("record: found = %t (-want +got):\n%s", found, diff)
				}
				return err
			})
		}},
		{"UnknownRecordIsNone", func(t *testing.T, s store.Store) {
			view(t, s, func(tx store.Tx) error {
				_, found, err := tx.Decisions.Get(decisionID(1))
				if found {
					t.Error("found what was never added")
				}
				return err
			})
		}},
		{"PagesGoFromTheNewestOn", pagesGoFromTheNewestOn},
		{"PagesOfOneUser", pagesOfOneUser},
		{"RecordAddedTwiceCountsOnce", recordAddedTwiceCountsOnce},
		{"TrimKeepsTheNewest", trimKeepsTheNewest},
		{"TrimDeletesTheOld", trimDeletesTheOld},
	}
}

func pagesGoFromTheNewestOn(t *testing.T, s store.Store) {
	// Added in another order than they were made in.
	add(t, s, sampleRecord(2, "usr_1"), sampleRecord(0, ""), sampleRecord(1, "usr_2"))
	view(t, s, func(tx store.Tx) error {
		wantPage(t, tx, store.Page{Limit: 10}, 2, 1, 0)
		wantPage(t, tx, store.Page{Limit: 2}, 2, 1)
		wantPage(t, tx, store.Page{Limit: 2, Before: decisionID(1)}, 0)
		wantPage(t, tx, store.Page{Limit: 2, Before: decisionID(0)})
		return nil
	})
}

func pagesOfOneUser(t *testing.T, s store.Store) {
	add(t, s, sampleRecord(0, "usr_1"), sampleRecord(1, "usr_10"), sampleRecord(2, ""), sampleRecord(3, "usr_1"), sampleRecord(4, "usr_1"))
	view(t, s, func(tx store.Tx) error {
		wantPage(t, tx, store.Page{UserID: "usr_1", Limit: 10}, 4, 3, 0)
		wantPage(t, tx, store.Page{UserID: "usr_1", Limit: 2}, 4, 3)
		wantPage(t, tx, store.Page{UserID: "usr_1", Limit: 2, Before: decisionID(3)}, 0)
		// A page may begin at another user's decision, or at one that is gone.
		wantPage(t, tx, store.Page{UserID: "usr_1", Limit: 2, Before: decisionID(2)}, 0)
		wantPage(t, tx, store.Page{UserID: "usr_10", Limit: 10}, 1)
		wantPage(t, tx, store.Page{UserID: "usr", Limit: 10})
		return nil
	})
}

func recordAddedTwiceCountsOnce(t *testing.T, s store.Store) {
	add(t, s, sampleRecord(0, "usr_1"), sampleRecord(1, "usr_1"))
	add(t, s, sampleRecord(1, "usr_2"))
	view(t, s, func(tx store.Tx) error {
		wantPage(t, tx, store.Page{UserID: "usr_1", Limit: 10}, 0)
		wantPage(t, tx, store.Page{UserID: "usr_2", Limit: 10}, 1)
		return nil
	})
	wantTrimmed(t, s, time.Time{}, 2, 10, 0)
}

func trimKeepsTheNewest(t *testing.T, s store.Store) {
	wantTrimmed(t, s, time.Time{}, 0, 10, 0)
	for n := range 6 {
		add(t, s, sampleRecord(n, "usr_1"))
	}
	wantTrimmed(t, s, time.Time{}, 6, 10, 0)
	wantTrimmed(t, s, time.Time{}, 2, 3, 3)
	wantTrimmed(t, s, time.Time{}, 2, 3, 1)
	wantTrimmed(t, s, time.Time{}, 2, 3, 0)
	view(t, s, func(tx store.Tx) error {
		wantPage(t, tx, store.Page{Limit: 10}, 5, 4)
		wantPage(t, tx, store.Page{UserID: "usr_1", Limit: 10}, 5, 4)
		return nil
	})
}

func trimDeletesTheOld(t *testing.T, s store.Store) {
	for n := range 6 {
		add(t, s, sampleRecord(n, ""))
	}
	wantTrimmed(t, s, minute(4), 100, 3, 3)
	wantTrimmed(t, s, minute(4), 100, 3, 1)
	wantTrimmed(t, s, minute(4), 100, 3, 0)
	view(t, s, func(tx store.Tx) error { wantPage(t, tx, store.Page{Limit: 10}, 5, 4); return nil })
}

func add(t *testing.T, s store.Store, records ...decision.Record) {
	t.Helper()
	update(t, s, func(tx store.Tx) error { return tx.Decisions.Add(records...) })
}

func wantTrimmed(t *testing.T, s store.Store, before time.Time, keep, limit, want int) {
	t.Helper()
	got := 0
	update(t, s, func(tx store.Tx) (err error) {
		got, err = tx.Decisions.Trim(before, keep, limit)
		return err
	})
	if got != want {
		t.Errorf("Trim(%v, %d, %d) deleted %d, want %d", before, keep, limit, got, want)
	}
}

func wantPage(t *testing.T, tx store.Tx, page store.Page, want ...int) {
	t.Helper()
	records, err := tx.Decisions.List(page)
	if err != nil {
		t.Fatalf("list %+v: %v", page, err)
	}
	var got, wanted []string
	for _, r := range records {
		got = append(got, r.ID)
	}
	for _, n := range want {
		wanted = append(wanted, decisionID(n))
	}
	if diff := cmp.Diff(wanted, got, cmpopts.EquateEmpty()); diff != "" {
		t.Errorf("page %+v (-want +got):\n%s", page, diff)
	}
}
