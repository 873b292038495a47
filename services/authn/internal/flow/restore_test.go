package flow_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/attempt"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
)

// restore treats the world's store as one that came back from a backup, and takes up the keys as a start does.
func (w *world) restore(change ...func(*flow.Restoration)) (flow.Restored, error) {
	w.t.Helper()
	r := flow.Restoration{
		By: operator, Note: "the disk died", From: backup.Manifest{TakenAt: w.clock.Now().Add(-time.Hour), SHA256: "00ff"},
	}
	for _, c := range change {
		c(&r)
	}
	done, err := flow.NewRestorer(w.store, w.sealing, w.clock.Now).Restore(w.t.Context(), r)
	if err == nil {
		tend(w.t, w.keys)
	}
	return done, err
}

func TestNothingThatWasIssuedOutlivesARestore(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	underWay := w.stranger().signIn(ada)
	expectStep(t, underWay.answer(password(right)), attempt.DeviceVerification, "")
	mailed := underWay.code()
	before := w.user(grant.Session.UserID)
	oldKey := keyIDs(w.keys)[0]

	w.clock.advance(time.Minute)
	var done flow.Restored
	rows := w.rowsDuring(func() {
		var err error
		done, err = w.restore()
		w.must(err)
	})
	if want := (flow.Restored{Users: 1, Sessions: 1, Attempts: 1, SigningKeys: 1}); done != want {
		t.Errorf("restored %+v, want %+v", done, want)
	}
	// Verifiers hear of the key first, and of no session by itself.
	expectTypes(t, rows, "revocation.signing_key.v1", "authn.session.revoked.v1")
	row, told := decoded(t, rows, "authn.session.revoked.v1", new(eventv1.SessionRevoked))
	if told.GetSessionId() != grant.Session.ID || told.GetCause() != "restored" {
		t.Errorf("told of %s, because of %q", told.GetSessionId(), told.GetCause())
	}
	after := w.user(grant.Session.UserID)
	if after.Epoch != before.Epoch+1 || row.UserVersion != after.Version || row.UserVersion <= uint64(w.clock.Now().UnixMicro()) {
		t.Errorf("epoch %d after %d, version %d", after.Epoch, before.Epoch, after.Version)
	}
	if s := w.session(grant.Session.ID); s.End != session.EndRestored || !s.EndedAt.Equal(w.clock.Now()) {
		t.Errorf("the session ended %q at %v", s.End, s.EndedAt)
	}
	if published := keyIDs(w.keys); len(published) != 1 || published[0] == oldKey {
		t.Errorf("published keys %v, before %s", published, oldKey)
	}

	_, err := laptop.refresh(grant.RefreshToken)
	expectFault(t, err, fault.Unauthenticated, typev1.Reason_REASON_SESSION_ENDED)
	if _, err := w.sessions.Verify(t.Context(), w.app, grant.SessionToken); fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the old session token: %v", err)
	}
	if _, err := underWay.try(code(mailed)); fault.KindOf(err) != fault.NotFound && fault.KindOf(err) != fault.Unauthenticated {
		t.Errorf("the attempt goes on: %v", err)
	}
	// The owner is still known, and gets in by the password alone.
	again := laptop.enter(ada, right)
	if _, err := w.sessions.Verify(t.Context(), w.app, again.SessionToken); err != nil {
		t.Errorf("the new session token: %v", err)
	}
}

func TestARestoreIsOnRecord(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	_, err := w.restore()
	w.must(err)
	want := audit.Record{
		At: w.clock.Now(), Actor: operator.Actor, Action: "store.restore", Authority: operator.Authority, Reason: "the disk died", Outcome: audit.Done,
		Detail: map[string]string{
			"taken_at": w.clock.Now().Add(-time.Hour).Format(time.RFC3339), "sha256": "00ff", "users": "1", "ended_sessions": "1", "ended_attempts": "0", "ended_invitations": "0",
			"replaced_signing_keys": "1", "untrusted_devices": "0",
		},
	}
	if diff := cmp.Diff(want, w.lastAudit(), cmpopts.IgnoreFields(audit.Record{}, "ID", "Sequence", "Network")); diff != "" {
		t.Errorf("audit (-want +got):\n%s", diff)
	}
}

func TestARestoreUntrustsDevicesOnDemand(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	grant := laptop.enrol(ada, right)
	done, err := w.restore(func(r *flow.Restoration) { r.UntrustDevices = true })
	w.must(err)
	if done.Devices != 1 || w.trusted(grant.Session.DeviceID) {
		t.Errorf("%d devices untrusted; the laptop is trusted: %t", done.Devices, w.trusted(grant.Session.DeviceID))
	}
	_, told := decoded(t, w.rows(), "authn.device.untrusted.v1", new(eventv1.DeviceUntrusted))
	if told.GetDeviceId() != grant.Session.DeviceID || told.GetCause() != "restored" {
		t.Errorf("told of device %s because of %q", told.GetDeviceId(), told.GetCause())
	}
	expectStep(t, laptop.signIn(ada).answer(password(right)), attempt.DeviceVerification, "")
	w.clock.advance(time.Minute)
	again, err := w.restore(func(r *flow.Restoration) { r.UntrustDevices = true })
	if err != nil || again.Devices != 0 {
		t.Errorf("a second time %d devices were untrusted: %v", again.Devices, err)
	}
}

func TestWhatHadEndedBeforeTheBackupStaysAsItEnded(t *testing.T) {
	w := newWorld(t)
	laptop := w.laptop()
	revoked := laptop.enrol(ada, right)
	_, err := w.sessions.Revoke(t.Context(), operator, revoked.Session.ID, "")
	w.must(err)
	expired := laptop.enter(ada, right)
	w.clock.advance(expired.Session.ExpiresAt.Sub(w.clock.Now()))
	done, err := w.restore()
	w.must(err)
	if done.Sessions != 0 || w.session(revoked.Session.ID).End != session.EndRevoked || !w.session(expired.Session.ID).EndedAt.IsZero() {
		t.Errorf("%d sessions ended; those that had ended: %q, %v", done.Sessions, w.session(revoked.Session.ID).End, w.session(expired.Session.ID).EndedAt)
	}
}

// Signing keys that can't be opened show that the key file isn't the backup's: authn couldn't start.
func TestARestoreWithAnotherKeyFileEndsBeforeItBegins(t *testing.T) {
	w := newWorld(t)
	grant := w.laptop().enrol(ada, right)
	before := w.picture(grant.Session.UserID)
	_, err := flow.NewRestorer(w.store, secret.NewKey(), w.clock.Now).Restore(t.Context(), flow.Restoration{By: operator})
	if err == nil || !strings.Contains(err.Error(), "another key file") {
		t.Errorf("Restore = %v", err)
	}
	expectUnchanged(t, before, w.picture(grant.Session.UserID))
}

func TestARestoreOnAClockThatWasSetBackIsRefused(t *testing.T) {
	w := newWorld(t)
	w.laptop().enrol(ada, right)
	_, err := w.restore()
	w.must(err)
	w.clock.advance(-time.Hour)
	if _, err := w.restore(); !errors.Is(err, account.ErrClock) {
		t.Errorf("Restore = %v, want ErrClock", err)
	}
}

// crowd signs up so many users at once, each with an attempt.
func (w *world) crowd(size int) {
	w.t.Helper()
	now := w.clock.Now()
	w.update(func(tx store.Tx) error {
		for n := range size {
			user := account.User{ID: id.New("usr", now), Version: uint64(n), CreatedAt: now}
			a := attempt.Attempt{ID: id.New("att", now), UserID: user.ID, ExpiresAt: now.Add(time.Minute)}
			s := session.Session{ID: id.New("ses", now), UserID: user.ID, StartedAt: now, ExpiresAt: now.Add(time.Hour)}
			if err := errors.Join(tx.Users.Put(user), tx.Attempts.Put(a), tx.Sessions.Put(s)); err != nil {
				return err
			}
		}
		return nil
	})
}

func TestARestoreReachesEverybody(t *testing.T) {
	w := newWorld(t)
	const crowd = 450 // more than two batches
	w.crowd(crowd)
	var last, all int64
	done, err := w.restore(func(r *flow.Restoration) { r.Progress = func(done, of int64) { last, all = done, of } })
	w.must(err)
	if done.Users != crowd || done.Sessions != crowd || done.Attempts != crowd || last != crowd || all != crowd {
		t.Errorf("restored %+v; progress ended at %d of %d", done, last, all)
	}
	w.view(func(tx store.Tx) error {
		users, err := tx.Users.List("", 2*crowd)
		for _, u := range users {
			if u.Epoch != 1 || u.Version <= uint64(w.clock.Now().UnixMicro()) {
				t.Errorf("user %s has epoch %d and version %d", u.ID, u.Epoch, u.Version)
			}
		}
		return err
	})
}

// filling is a store whose n-th change fails, as on a disk that gets full.
type filling struct {
	store.Store
	left int
}

var errDisk = errors.New("no space left on device")

func (f *filling) Update(ctx context.Context, fn func(store.Tx) error) error {
	if f.left--; f.left < 0 {
		return errDisk
	}
	return f.Store.Update(ctx, fn)
}

func TestARestoreThatFailsSaysSo(t *testing.T) {
	for left := range 5 {
		t.Run(fmt.Sprint(left, " changes"), func(t *testing.T) {
			w := newWorld(t)
			w.crowd(1)
			_, err := flow.NewRestorer(&filling{w.store, left}, w.sealing, w.clock.Now).Restore(t.Context(), flow.Restoration{By: operator})
			if !errors.Is(err, errDisk) {
				t.Errorf("Restore = %v, want the disk's error", err)
			}
		})
	}
}
