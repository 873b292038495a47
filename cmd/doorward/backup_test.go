package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	doorward "github.com/doorward/doorward/sdk"
)

// TestBackupAndRestore is the drill of docs/backup.md, as an operator types it.
func TestBackupAndRestore(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	dir, backups := filepath.Join(t.TempDir(), "d"), filepath.Join(t.TempDir(), "backups")
	d := startDev(t, dir)
	w, closeWorld := d.connect(t)
	ada := signUp(ctx, t, w)
	c := d.console(ctx, t)

	c.shows([]string{"authn: ", "risk: ", "notify: ", "(schema 1) in " + backups}, "backup", "--dir", backups)
	c.refuses("name another folder, or give --replace", "backup", "--dir", backups, "--service", "authn")
	c.shows([]string{`"service": "risk"`, `"sha256": "`, `"path": "` + backups}, "backup", "--dir", backups, "--service", "risk", "--replace", "--json")
	c.refuses("is risk running at 127.0.0.1:1", "backup", "--dir", backups, "--service", "risk", "--replace", "--risk", "127.0.0.1:1")
	c.refuses("stop it first", "restore", "authn", "--from", backups, "--dir", dir)
	later := signUp(ctx, t, w)
	closeWorld()
	d.stop()

	c.refuses("there is no backup of authn in nowhere", "restore", "authn", "--from", "nowhere", "--dir", dir)
	c.refuses("give --dir, or --config and --set", "restore", "authn", "--from", backups, "--dir", dir, "--set", "data_dir=x")
	c.refuses("say whose store it is: --dir", "restore", "authn", "--from", backups)
	servesOwn := filepath.Join(t.TempDir(), "serve.yaml")
	must(t, os.WriteFile(servesOwn, []byte("dir: "+dir+"\nissuer: https://id.example.com\nproduct: Shop\nportal:\n  url: https://id.example.com\n"+
		"smtp:\n  address: smtp.example.com:587\n  from: Shop <no-reply@example.com>\n"), 0o600))
	c.refuses(servesOwn+" is the configuration of doorward serve: give --dir "+dir, "restore", "risk", "--from", backups, "--config", servesOwn)
	c.refuses("--untrust-devices is for authn", "restore", "risk", "--from", backups, "--dir", dir, "--untrust-devices")
	c.shows([]string{
		"authn is as it was at ", "is kept as " + filepath.Join(dir, "data", "authn.db.replaced-"), "ended      1 sessions, 0 sign-ins", "epochs of 1 users",
		"replaced   1 signing keys", "untrusted  0 devices", "passwords", "devices", "API keys", "users",
	}, "restore", "authn", "--from", backups, "--dir", dir, "--note", "a drill")
	c.shows([]string{`"service": "notify"`, `"store": "`}, "restore", "notify", "--from", backups, "--dir", dir, "--json")
	// By the service's own configuration too, whatever an operator's environment holds.
	c.shows([]string{"risk is as it was at "}, "restore", "risk", "--from", backups, "--set", "data_dir="+filepath.Join(dir, "data"))

	d = startDev(t, dir)
	w = d.world(t)
	for name, old := range map[string]user{"of the backup": ada, "of a user since": later} {
		if err := w.Guarded.Call(ctx, old.grant.SessionToken); err == nil {
			t.Errorf("the session token %s is accepted", name)
		}
		if _, err := w.Doorward.Refresh(ctx, old.grant.RefreshToken, old.from()); err == nil {
			t.Errorf("the refresh token %s is good", name)
		}
	}
	a, err := w.Doorward.SignIn(ctx, ada.email, ada.from())
	must(t, err)
	must(t, a.Password(ctx, ada.password))
	grant, ok := a.Grant()
	if !ok {
		t.Fatalf("on the device that the backup knows the next step is %v", a.Next())
	}
	must(t, w.Guarded.Call(ctx, grant.SessionToken))
	if gone, err := w.Doorward.SignIn(ctx, later.email, later.from()); err == nil {
		if err := gone.Password(ctx, later.password); err == nil && gone.Next() == doorward.Done {
			t.Error("a user who isn't in the backup signs in")
		}
	}
}

// A release that goes back must not touch what a newer one wrote.
func TestANewerStoreIsRefused(t *testing.T) {
	dir := t.TempDir()
	c := console{T: t, ctx: t.Context(), env: []string{"DOORWARD_RISK_ADDRESS=127.0.0.1:7402"}}
	d := startDev(t, dir)
	d.stop()
	for _, service := range []string{"authn", "risk", "notify"} {
		path := filepath.Join(dir, "data", service+".db")
		raise(t, path)
		out, complaint, code := c.try("dev", "--dir", dir, "--port-base", "0")
		if code != exitFailed || !strings.Contains(complaint, "it has schema 99 and this release knows up to 1: run the newer release again, or restore a backup from before the upgrade") {
			t.Errorf("with a newer %s: exit code %d, %s%s", service, code, out, complaint)
		}
		must(t, os.Rename(path, path+".newer"))
	}
}

// raise writes the number of a schema that isn't there yet into a store.
func raise(t *testing.T, path string) {
	t.Helper()
	file, err := bolt.Open(path, 0o600, &bolt.Options{Timeout: time.Second})
	must(t, err)
	err = file.Update(func(tx *bolt.Tx) error {
		return tx.Bucket([]byte("_meta")).Put([]byte("schema"), []byte{0, 0, 0, 0, 0, 0, 0, 99})
	})
	must(t, errors.Join(err, file.Close()))
}
