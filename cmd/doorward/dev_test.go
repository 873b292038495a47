package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	doorward "github.com/doorward/doorward/sdk"
)

func TestDevAgainKeepsKeysAndSessions(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	dir := filepath.Join(t.TempDir(), "it's here") // a name that a shell would take apart
	first := startDev(t, dir)
	before := map[string]string{}
	for _, name := range []string{"dev.env", "operator.env"} {
		before[name] = first.env(t, name).Get("DOORWARD_API_KEY")
		info, err := os.Stat(filepath.Join(dir, name))
		must(t, err)
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s holds a key and has mode %o", name, mode)
		}
	}
	ada := signUp(ctx, t, first.world(t))
	first.stop()

	again := startDev(t, dir)
	for name, key := range before {
		if got := again.env(t, name).Get("DOORWARD_API_KEY"); got == "" || got != key {
			t.Errorf("%s has another key than before", name)
		}
	}
	w := again.world(t)
	tokens, err := w.Doorward.Refresh(ctx, ada.grant.RefreshToken, ada.from())
	must(t, err)
	must(t, w.Guarded.Call(ctx, tokens.SessionToken))
	a, err := w.Doorward.SignIn(ctx, ada.email, ada.from())
	must(t, err)
	must(t, a.Password(ctx, ada.password))
	if a.Next() != doorward.Done {
		t.Errorf("on the known device the step after the password is %v", a.Next())
	}
}

func TestDevTellsWhereThingsAre(t *testing.T) {
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	env := d.env(t, "dev.env")
	for _, name := range []string{
		"DOORWARD_API_KEY", "DOORWARD_ADDRESS", "DOORWARD_CA", "DOORWARD_SERVER_NAME", "DOORWARD_ISSUER", "DOORWARD_AUDIENCE",
		"DOORWARD_NATS_URL", "DOORWARD_NATS_SEED", "DOORWARD_INBOX",
	} {
		if env.Get(name) == "" {
			t.Errorf("dev.env has no %s", name)
		}
	}
	for _, name := range []string{"DOORWARD_CA", "DOORWARD_NATS_SEED", "DOORWARD_EVENTS_SEED"} {
		if !filepath.IsAbs(env.Get(name)) {
			t.Errorf("%s is %q, which means something else in another folder", name, env.Get(name))
		}
	}
	for _, shown := range []string{env.Get("DOORWARD_ADDRESS"), env.Get("DOORWARD_INBOX"), env.Get("DOORWARD_NATS_URL"), ". " + d.dir + "/dev.env"} {
		if !strings.Contains(d.shows.String(), shown) {
			t.Errorf("dev doesn't show %s", shown)
		}
	}
	ready, _, _ := strings.Cut(strings.SplitAfter(d.shows.String(), "doorward dev: ")[1], "\n")
	t.Log("doorward dev:", ready)
}

func TestDemoThatIsNotAsToldFails(t *testing.T) {
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	inbox := d.env(t, "dev.env").Get("DOORWARD_INBOX")
	broken := spoilt(t, filepath.Join(d.dir, "dev.env"), func(text string) string {
		return strings.Replace(text, inbox, "http://127.0.0.1:1", 1) // no inbox is there
	})
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"demo", "--against", broken}, streams{out: &out, err: &errs}); code != exitFailed {
		t.Errorf("exit code %d, want %d", code, exitFailed)
	}
	if out.Len() > 0 || !strings.HasPrefix(errs.String(), "doorward: step 1: ask the inbox: ") {
		t.Errorf("it says %q and complains %q", out.String(), errs.String())
	}
}

func TestRevokedSessionIsRefusedAtOnce(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	w := d.world(t)
	ada := signUp(ctx, t, w)
	must(t, w.Guarded.Call(ctx, ada.grant.SessionToken))
	operator := func(args ...string) string {
		t.Helper()
		var out, errs bytes.Buffer
		var environ []string
		for _, v := range d.env(t, "operator.env") {
			environ = append(environ, v.Name+"="+v.Value)
		}
		if code := run(ctx, args, streams{out: &out, err: &errs, env: environ}); code != exitOK {
			t.Fatalf("%v: exit code %d: %s", args, code, errs.String())
		}
		return out.String()
	}

	if list := operator("sessions", "list", "--email", ada.email); !strings.Contains(list, ada.grant.SessionID) || !strings.Contains(list, "active") {
		t.Errorf("the list doesn't show the session as active:\n%s", list)
	}
	asked := w.Guarded.Asked()
	if said := operator("sessions", "revoke", ada.grant.SessionID, "--note", "lost laptop"); !strings.Contains(said, ada.grant.SessionID+" ended at ") {
		t.Errorf("revoke says %q", said)
	}
	var refusal error
	if !poll(ctx, func() bool { refusal = w.Guarded.Call(ctx, ada.grant.SessionToken); return refusal != nil }) {
		t.Fatal("the session's token is still accepted")
	}
	if reason, _ := doorward.ReasonOf(refusal); reason != typev1.Reason_REASON_SESSION_ENDED {
		t.Errorf("refused with %v", refusal)
	}
	if w.Guarded.Asked() != asked {
		t.Error("the guarded service had to ask authn")
	}
	if _, err := w.Doorward.Refresh(ctx, ada.grant.RefreshToken, ada.from()); err == nil {
		t.Error("the session can still be refreshed")
	}

	// In the record, and again: nothing more happens.
	if list := operator("sessions", "list", "--user", ada.grant.UserID, "--json"); !strings.Contains(list, "SESSION_END_REVOKED") {
		t.Errorf("the list doesn't say how the session ended:\n%s", list)
	}
	first := operator("sessions", "revoke", ada.grant.SessionID)
	if again := operator("sessions", "revoke", ada.grant.SessionID); again != first {
		t.Errorf("revoked again: %q, and before: %q", again, first)
	}
}
