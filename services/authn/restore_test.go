package authn_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	bolt "go.etcd.io/bbolt"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	eventv1 "github.com/doorward/doorward/gen/doorward/event/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/backup"
	"github.com/doorward/doorward/internal/boltdb"
	"github.com/doorward/doorward/internal/bus"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/id"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn"
	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/session"
	"github.com/doorward/doorward/services/authn/internal/store"
	"github.com/doorward/doorward/services/authn/internal/store/boltstore"
)

// restore stops authn, restores it and starts it again.
func (w *world) restore(from backup.Copy) authn.Restored {
	w.Helper()
	w.stop()
	done, err := authn.Restore(w.Context(), w.cfg, from, authn.RestoreOptions{Note: "a drill"})
	w.must(err)
	w.start()
	return done
}

// TestNothingOldIsGoodAfterARestore: what the backup knows of, what came after it, and what was revoked after it.
func TestNothingOldIsGoodAfterARestore(t *testing.T) {
	w := newWorld(t)
	mails, events, app := w.mailbox(), w.nats.events(bus.StreamAuthn), w.application()
	feed := w.nats.feed()
	home, beas := laptop(), laptop()
	ada := app.signUp(mails, home, "ada@example.org")
	bea := app.signUp(mails, beas, "bea@example.org")
	copied := w.backUp()

	x := app.startSignIn(home, "ada@example.org")
	later := x.done(x.password(ownersPassword))
	_, err := w.operator().sessions.RevokeSession(t.Context(), &authnv1.RevokeSessionRequest{SessionId: ada.GetSessionId()})
	w.must(err)
	eve := app.signUp(mails, stranger(), "eve@example.org")
	seen := bus.Event{}
	for seen.User != eve.GetUserId() {
		seen = await(t, events, "authn.user.signed_up.v1", new(eventv1.UserSignedUp))
	}
	var ofAda eventv1.SignInSucceeded
	w.must(app.verify(later.GetSessionToken()))

	done := w.restore(copied)
	if done.Users != 2 || done.Sessions != 2 || done.SigningKeys != 1 || done.Devices != 0 || done.Aside == "" {
		t.Errorf("restored %+v", done)
	}
	app = w.application()
	for name, grant := range map[string]*authnv1.Grant{"revoked since": ada, "begun since": later, "of the backup": bea, "of a user since": eve} {
		if err := app.verify(grant.GetSessionToken()); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("the session token %s: %v", name, err)
		}
	}
	for name, c := range map[string]struct {
		on    *typev1.ClientContext
		grant *authnv1.Grant
	}{
		"revoked since": {home, ada}, "begun since": {home, later}, "of the backup": {beas, bea},
	} {
		if _, err := app.refresh(c.on, c.grant.GetRefreshToken()); fault.KindOf(err) != fault.Unauthenticated {
			t.Errorf("the refresh token %s: %v", name, err)
		}
	}

	// Bea's device is as the backup knows it. Ada's has a newer secret, and is a stranger.
	x = app.startSignIn(beas, "bea@example.org")
	w.must(app.verify(x.done(x.password(ownersPassword)).GetSessionToken()))
	app.signInWithCode(mails, home, "ada@example.org")
	app.signUp(mails, stranger(), "eve@example.org")

	// Verifiers hear of the key, and views of events that are newer than any they saw.
	w.eventually("the old key is revoked", func() bool {
		select {
		case m := <-feed:
			return strings.HasPrefix(m.Subject(), "doorward.revocation.signing_key.")
		default:
			return false
		}
	})
	for seen = (bus.Event{}); seen.User != ada.GetUserId() || ofAda.GetSessionId() == later.GetSessionId(); {
		seen = await(t, events, "authn.signin.succeeded.v1", &ofAda)
	}
	if seen.UserVersion < uint64(copied.TakenAt.UnixMicro()) {
		t.Errorf("the event after the restore has version %d", seen.UserVersion)
	}
}

// What the copy holds as waiting was published after it was taken; what is published after the restore reaches everybody all the same.
func TestARestoredOutboxGoesOn(t *testing.T) {
	w := newWorld(t)
	mails, app, home := w.mailbox(), w.application(), laptop()
	app.signUp(mails, home, "ada@example.org")
	signIn := func(app *caller) string {
		x := app.startSignIn(home, "ada@example.org")
		return x.done(x.password(ownersPassword)).GetSessionId()
	}
	w.nats.stop()
	waiting := signIn(app)
	copied := w.backUp()
	w.nats.start()
	events := w.nats.events(bus.StreamAuthn)
	published := map[string]int{}
	awaitSession := func(sessionID string) {
		t.Helper()
		for body := new(eventv1.SignInSucceeded); body.GetSessionId() != sessionID; {
			published[await(t, events, "authn.signin.succeeded.v1", body).ID]++
		}
	}
	awaitSession(waiting)
	w.restore(copied)
	awaitSession(signIn(w.application()))
	// The stream knew the event that was published once more by its id. After its window of 20 minutes, its readers do.
	for eventID, times := range published {
		if times > 1 {
			t.Errorf("event %s came %d times", eventID, times)
		}
	}
}

func TestRestoredTwiceTheVersionsStillRise(t *testing.T) {
	w := newWorld(t)
	user := w.application().signUp(w.mailbox(), laptop(), "ada@example.org").GetUserId()
	copied := w.backUp()
	version := func() uint64 {
		r, err := w.operator().users.GetUser(t.Context(), &authnv1.GetUserRequest{User: &authnv1.GetUserRequest_UserId{UserId: user}})
		w.must(err)
		return r.GetUser().GetVersion()
	}
	w.restore(copied)
	first := version()
	done := w.restore(copied)
	if second := version(); second <= first+1 || done.Users != 1 || done.Sessions != 1 {
		t.Errorf("version %d after %d; restored %+v", second, first, done)
	}
}

// refusal tries a restore that can't be, and demands that the store is as it was.
func (w *world) refusal(from backup.Copy) error {
	w.Helper()
	path := filepath.Join(w.cfg.DataDir, "authn.db")
	before, err := os.ReadFile(path)
	w.must(err)
	_, refusal := authn.Restore(w.Context(), w.cfg, from, authn.RestoreOptions{})
	after, err := os.ReadFile(path)
	w.must(err)
	entries, err := os.ReadDir(w.cfg.DataDir)
	w.must(err)
	if string(before) != string(after) || len(entries) != 1 {
		w.Errorf("a refused restore changed the store, or left %v", entries)
	}
	return refusal
}

func TestARestoreThatCantBeLeavesTheStoreAlone(t *testing.T) {
	w := newWorld(t)
	w.application().signUp(w.mailbox(), laptop(), "ada@example.org")
	copied := w.backUp()
	if _, err := authn.Restore(t.Context(), w.cfg, copied, authn.RestoreOptions{}); !errors.Is(err, boltdb.ErrLocked) {
		t.Errorf("while authn runs: %v, want ErrLocked", err)
	}
	w.stop()

	early := copied
	early.TakenAt = time.Now().Add(time.Hour)
	if err := w.refusal(early); err == nil || !strings.Contains(err.Error(), "in the future") {
		t.Errorf("a backup of tomorrow: %v", err)
	}
	damaged := copied
	damaged.SHA256 = strings.Repeat("0", 64)
	if err := w.refusal(damaged); !errors.Is(err, backup.ErrDamaged) {
		t.Errorf("another hash: %v, want ErrDamaged", err)
	}
	if err := w.refusal(w.newer(copied)); !errors.Is(err, boltdb.ErrNewerSchema) {
		t.Errorf("a newer schema: %v, want ErrNewerSchema", err)
	}
	keyFile := filepath.Join(w.cfg.KeysDir, "authn.key")
	w.must(os.Rename(keyFile, keyFile+".kept"))
	if err := w.refusal(copied); !errors.Is(err, authn.ErrNoKey) || !strings.Contains(err.Error(), "from its backup") {
		t.Errorf("without the key file: %v, want ErrNoKey that says what to do", err)
	}
	_, err := secret.CreateKey(keyFile)
	w.must(err)
	if err := w.refusal(copied); !errors.Is(err, authn.ErrOtherKey) || !strings.Contains(err.Error(), keyFile+": bring back") {
		t.Errorf("with another key file: %v", err)
	}
	w.must(os.Rename(keyFile+".kept", keyFile))
	w.start()
}

// newer is the copy as a release with a higher schema would have taken it.
func (w *world) newer(c backup.Copy) backup.Copy {
	w.Helper()
	dir := w.TempDir()
	m := backup.Manifest{Service: "authn", SchemaVersion: 99, TakenAt: c.TakenAt}
	w.must(backup.Keep(dir, m, backup.KeepOptions{Finish: func(path string, _ time.Time) (uint64, error) {
		file, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
		if err != nil {
			return 0, err
		}
		err = file.Update(func(tx *bolt.Tx) error {
			return tx.Bucket([]byte("_meta")).Put([]byte("schema"), []byte{0, 0, 0, 0, 0, 0, 0, 99})
		})
		return 99, errors.Join(err, file.Close())
	}}, func(f *os.File) error {
		_, err := c.WriteTo(f)
		return err
	}))
	found, err := backup.Find(dir, "authn")
	w.must(err)
	return found
}

// Somebody who copies a backup into place by hand would have revoked sessions live again.
func TestAuthnDoesntStartOnABackup(t *testing.T) {
	w := newWorld(t)
	copied := w.backUp()
	w.stop()
	content, err := os.ReadFile(copied.Path)
	w.must(err)
	w.must(os.WriteFile(filepath.Join(w.cfg.DataDir, "authn.db"), content, 0o600))
	_, err = authn.New(t.Context(), w.cfg, authn.Deps{Logger: w.logger, Registerer: prometheus.NewRegistry(), Now: time.Now})
	if !errors.Is(err, boltdb.ErrCopy) || !strings.Contains(err.Error(), "doorward restore") {
		t.Errorf("New = %v, want ErrCopy that says what to do", err)
	}
}

// restoreIn tells the child process of TestAKilledRestoreLeavesTheOldStore where to work: data, keys, backup.
const restoreIn = "AUTHN_TEST_RESTORE_IN"

func TestAKilledRestoreLeavesTheOldStore(t *testing.T) {
	w := prepareWorld(t)
	const crowd = 300
	path := filepath.Join(w.cfg.DataDir, "authn.db")
	copied := w.crowded(path, crowd)
	s, err := boltstore.Open(path, boltstore.Options{})
	w.must(err)
	survivor := account.User{ID: id.New("usr", time.Now()), Epoch: 7}
	w.must(s.Update(t.Context(), func(tx store.Tx) error { return tx.Users.Put(survivor) }))
	w.must(s.Close())

	self, err := os.Executable()
	w.must(err)
	child := exec.CommandContext(t.Context(), self, "-test.run=^TestRestoreChild$")
	child.Env = append(os.Environ(), restoreIn+"="+strings.Join([]string{w.cfg.DataDir, w.cfg.KeysDir, filepath.Dir(copied.Path)}, ":"))
	said, err := child.StdoutPipe()
	w.must(err)
	w.must(child.Start())
	first := make([]byte, len(underWay))
	_, err = io.ReadFull(said, first)
	w.must(err)
	w.must(child.Process.Kill())
	_ = child.Wait() // it was killed

	// The old store is in its place, as it was; the half restored one is nothing that anybody could start on.
	half := path + ".restoring"
	if _, err := boltstore.Open(half, boltstore.Options{}); !errors.Is(err, boltdb.ErrCopy) {
		t.Errorf("the half restored store: %v, want ErrCopy", err)
	}
	s, err = boltstore.Open(path, boltstore.Options{})
	w.must(err)
	w.must(s.View(t.Context(), func(tx store.Tx) error {
		got, found, err := tx.Users.Get(survivor.ID)
		if !found || got.Epoch != survivor.Epoch {
			t.Errorf("the old store lost a user: found %t, epoch %d", found, got.Epoch)
		}
		return err
	}))
	w.must(s.Close())

	// And the next restore does all of it.
	done, err := authn.Restore(t.Context(), w.cfg, copied, authn.RestoreOptions{})
	w.must(err)
	if done.Users != crowd || done.Sessions != crowd {
		t.Errorf("restored %+v, want %d users and sessions", done, crowd)
	}
	if _, err := os.Stat(half); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the half restored store is still there: %v", err)
	}
	w.must(everybodyIsRaised(t.Context(), path))
}

// crowded fills the store with users and their sessions, and takes a copy.
func (w *world) crowded(path string, crowd int) backup.Copy {
	w.Helper()
	s, err := boltstore.Open(path, boltstore.Options{})
	w.must(err)
	now := time.Now()
	w.must(s.Update(w.Context(), func(tx store.Tx) error {
		for range crowd {
			user := account.User{ID: id.New("usr", now)}
			err := errors.Join(tx.Users.Put(user), tx.Sessions.Put(session.Session{
				ID: id.New("ses", now), UserID: user.ID, StartedAt: now, ExpiresAt: now.Add(time.Hour),
			}))
			if err != nil {
				return err
			}
		}
		return nil
	}))
	dir := w.TempDir()
	w.must(s.Snapshot(w.Context(), func(snapshot backup.Snapshot) error {
		m := backup.Manifest{Service: "authn", SchemaVersion: snapshot.SchemaVersion, TakenAt: now}
		return backup.Keep(dir, m, backup.KeepOptions{Finish: boltdb.FinishCopy}, func(f *os.File) error {
			_, err := snapshot.WriteTo(f)
			return err
		})
	}))
	w.must(s.Close())
	copied, err := backup.Find(dir, "authn")
	w.must(err)
	return copied
}

// everybodyIsRaised says who was left out of a restore, or raised twice.
func everybodyIsRaised(ctx context.Context, path string) (err error) {
	s, err := boltstore.Open(path, boltstore.Options{})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return s.View(ctx, func(tx store.Tx) error {
		users, err := tx.Users.List("", 10_000)
		for _, u := range users {
			if u.Epoch != 1 {
				err = errors.Join(err, fmt.Errorf("user %s has epoch %d", u.ID, u.Epoch))
			}
		}
		return err
	})
}

const underWay = "under way"

// TestRestoreChild is the process that is killed in the middle of a restore; on its own it does nothing.
func TestRestoreChild(t *testing.T) {
	in := os.Getenv(restoreIn)
	if in == "" {
		return
	}
	dirs := strings.Split(in, ":")
	copied, err := backup.Find(dirs[2], "authn")
	if err != nil {
		t.Fatal(err)
	}
	cfg := authn.Config{DataDir: dirs[0], KeysDir: dirs[1]}
	_, err = authn.Restore(t.Context(), cfg, copied, authn.RestoreOptions{Progress: func(int64, int64) {
		fmt.Fprint(os.Stdout, underWay)
		select {} // until it is killed
	}})
	t.Fatalf("the restore ended: %v", err)
}
