package main

import (
	"bytes"
	"context"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	doorward "github.com/doorward/doorward/sdk"
)

// console is an operator at a terminal, with the environment that dev wrote.
type console struct {
	*testing.T
	ctx context.Context
	env []string
}

func (d *dev) console(ctx context.Context, t *testing.T) console {
	t.Helper()
	c := console{T: t, ctx: ctx}
	for _, v := range d.env(t, "operator.env") {
		c.env = append(c.env, v.Name+"="+v.Value)
	}
	return c
}

// say runs a command that must succeed, and returns what it printed.
func (c console) say(args ...string) string {
	c.Helper()
	out, complaint, code := c.try(args...)
	if code != exitOK {
		c.Fatalf("doorward %s: exit code %d: %s", strings.Join(args, " "), code, complaint)
	}
	return out
}

func (c console) try(args ...string) (out, complaint string, code int) {
	c.Helper()
	var said, complained bytes.Buffer
	code = run(c.ctx, args, streams{out: &said, err: &complained, env: c.env})
	return said.String(), complained.String(), code
}

// shows demands that a command's output has all of the words.
func (c console) shows(words []string, args ...string) {
	c.Helper()
	out := c.say(args...)
	for _, word := range words {
		if !strings.Contains(out, word) {
			c.Errorf("doorward %s doesn't show %q:\n%s", strings.Join(args, " "), word, out)
		}
	}
}

// refuses demands that a command fails and says why.
func (c console) refuses(why string, args ...string) {
	c.Helper()
	out, complaint, code := c.try(args...)
	if code != exitFailed || out != "" || !strings.Contains(complaint, why) {
		c.Errorf("doorward %s: exit code %d, complains %q and prints %q; want %q", strings.Join(args, " "), code, complaint, out, why)
	}
}

// TestOperatorsCommands plays an operator's day against a running suite.
func TestOperatorsCommands(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	w := d.world(t)
	ada := signUp(ctx, t, w)
	c := d.console(ctx, t)

	c.shows([]string{ada.grant.UserID, ada.email, "good"}, "users", "list")
	c.shows([]string{ada.grant.UserID, ada.email, "verified"}, "users", "show", "--email", ada.email)
	c.shows([]string{`"password_set_at"`, ada.email}, "users", "show", "--user", ada.grant.UserID, "--json")
	c.refuses("no user is nobody@example.com", "users", "show", "--email", "nobody@example.com")

	deviceID := regexp.MustCompile(`dev_[0-9a-z]+`).FindString(c.say("devices", "list", "--email", ada.email))
	c.shows([]string{deviceID, "known"}, "devices", "list", "--user", ada.grant.UserID)
	c.shows([]string{deviceID + " isn't trusted any more; 1 sessions ended"}, "devices", "untrust", deviceID, "--note", "stolen")
	c.shows([]string{"untrusted"}, "devices", "list", "--email", ada.email)
	c.shows([]string{"0 sessions of " + ada.grant.UserID}, "sessions", "revoke-all", "--email", ada.email)
	c.refuses("no device is dev_none", "devices", "untrust", "dev_none")
	if !poll(ctx, func() bool { return w.Guarded.Call(ctx, ada.grant.SessionToken) != nil }) {
		t.Error("the stolen device's token is still accepted")
	}

	// On a device that isn't trusted any more the password isn't enough, and risk can say why it decided what it did.
	a, err := w.Doorward.SignIn(ctx, ada.email, ada.from())
	must(t, err)
	must(t, a.Password(ctx, ada.password))
	if a.Next() != doorward.DeviceVerification {
		t.Errorf("on the untrusted device the next step is %v", a.Next())
	}
	decision := regexp.MustCompile(`dec_[0-9a-z]+`).FindString(c.say("decisions", "list", "--user", ada.grant.UserID))
	c.shows([]string{decision, "known device", "after it"}, "decisions", "explain", decision)
	c.shows([]string{"from", "127.0.0.1, in no known country"}, "decisions", "explain", decision)
	c.refuses("no decision is dec_none", "decisions", "explain", "dec_none")
	c.shows([]string{decision}, "decisions", "list", "--email", ada.email)
	c.refuses("no user is nobody@example.com", "decisions", "list", "--email", "nobody@example.com")
	if out := c.say("decisions", "explain", decision) + c.say("decisions", "list"); strings.Contains(out, "unspecified") {
		t.Errorf("where risk has no opinion it says so in its own words:\n%s", out)
	}

	if out := c.say("users", "list", "--limit", "1"); strings.Contains(out, "more:") {
		t.Errorf("after the only user there is another page:\n%s", out)
	}
	bob := signUp(ctx, t, w)
	next := regexp.MustCompile(`more: doorward (users list --limit 1 --page usr_[0-9a-z]+)\n`).FindStringSubmatch(c.say("users", "list", "--limit", "1"))
	if next == nil {
		t.Fatal("the page after the first of two users isn't offered with its size")
	}
	if out := c.say(strings.Fields(next[1])...); !strings.Contains(out, bob.email) || strings.Contains(out, "more:") {
		t.Errorf("the second and last page is\n%s", out)
	}
	c.refuses("INVALID_FIELD: --page: must be ", "users", "list", "--page", "xx")
}

// TestOperatorWithoutAKeyShowsTheCertificate: a key that was lost is replaced with it.
func TestOperatorWithoutAKeyShowsTheCertificate(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := startDev(t, filepath.Join(t.TempDir(), "d")).console(ctx, t)
	lost := c
	lost.env = slices.DeleteFunc(slices.Clone(c.env), func(pair string) bool { return strings.HasPrefix(pair, "DOORWARD_API_KEY=") })
	app := regexp.MustCompile(`app_[0-9a-z]+`).FindString(lost.say("apps", "list"))
	made := strings.TrimSpace(lost.say("apps", "key", "create", app, "--scope", "operator"))
	again := lost
	again.env = append([]string{"DOORWARD_API_KEY=" + made}, lost.env...)
	again.say("users", "list")

	wrong := lost
	wrong.env = append([]string{"DOORWARD_API_KEY=wrong"}, lost.env...)
	wrong.refuses("leave DOORWARD_API_KEY out and show the certificate in DOORWARD_CERTS", "users", "list")
}

func TestAPIKeysAreMadeRotatedAndRevoked(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	c := d.console(ctx, t)

	app := regexp.MustCompile(`app_[0-9a-z]+`).FindString(c.say("apps", "create", "shop", "--audience", "shop"))
	c.refuses("ALREADY_EXISTS", "apps", "create", "shop", "--audience", "shop")
	secret := strings.TrimSpace(c.say("apps", "key", "create", app, "--scope", "operator"))
	keyID := regexp.MustCompile(app + `\s+shop\s+shop\s+(key_[0-9a-z]+)`).FindStringSubmatch(c.say("apps", "list"))[1]
	with := func(key string) console {
		other := c
		other.env = append(slices.DeleteFunc(slices.Clone(c.env), func(pair string) bool {
			return strings.HasPrefix(pair, "DOORWARD_API_KEY=")
		}), "DOORWARD_API_KEY="+key)
		return other
	}
	with(secret).say("apps", "list")

	next := strings.TrimSpace(c.say("apps", "key", "rotate", keyID, "--overlap", "1h"))
	for _, good := range []string{secret, next} {
		with(good).say("apps", "list")
	}
	c.shows([]string{"successor"}, "apps", "list")
	c.refuses("API_KEY_ENDED", "apps", "key", "rotate", keyID)
	c.refuses("INVALID_FIELD: --overlap: ", "apps", "key", "rotate", keyID, "--overlap", "1000h")
	c.say("apps", "key", "revoke", keyID, "--note", "a drill")
	if !poll(ctx, func() bool { _, _, code := with(secret).try("apps", "list"); return code == exitFailed }) {
		t.Error("a revoked key still works")
	}
	with(next).say("apps", "list")
	c.refuses("no API key is key_none", "apps", "key", "revoke", "key_none")
	c.refuses("no application is app_none", "apps", "key", "create", "app_none")
}

func TestSigningKeysAreRotatedAndReplaced(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	w := d.world(t)
	ada := signUp(ctx, t, w)
	c := d.console(ctx, t)

	key := regexp.MustCompile(`key_[0-9a-z]+`)
	first := key.FindString(c.say("keys", "list"))
	next := key.FindString(c.say("keys", "rotate"))
	if again := key.FindString(c.say("keys", "rotate")); again != next || again == first {
		t.Errorf("rotated from %s to %s, and again to %s", first, next, again)
	}
	must(t, w.Guarded.Call(ctx, ada.grant.SessionToken))

	c.shows([]string{first + " is revoked", next + " is revoked"}, "keys", "emergency", "--note", "a laptop was stolen")
	if !poll(ctx, func() bool { return w.Guarded.Call(ctx, ada.grant.SessionToken) != nil }) {
		t.Fatal("what the replaced key signed is still accepted")
	}
	tokens, err := w.Doorward.Refresh(ctx, ada.grant.RefreshToken, ada.from())
	must(t, err)
	if !poll(ctx, func() bool { return w.Guarded.Call(ctx, tokens.SessionToken) == nil }) {
		t.Error("what the new key signed isn't accepted")
	}
	if _, _, code := c.try("keys", "replace"); code != exitUsage {
		t.Errorf("replaced without a reason: exit code %d", code)
	}
}

func TestDeadLettersAreShownFromBothServices(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := startDev(t, filepath.Join(t.TempDir(), "d")).console(ctx, t)
	for _, service := range []string{"authn", "notify"} {
		c.shows([]string{service + " has no dead letters"}, "dead", "list", service)
		c.shows([]string{"0 handled"}, "dead", "replay", service, "--all")
		c.shows([]string{`"handled": []`, `"failed": []`}, "dead", "replay", service, "--all", "--json")
		c.refuses("has no dead letter 7", "dead", "drop", service, "7", "--note", "a test")
		c.refuses("has no dead letter 7", "dead", "replay", service, "7")
		c.refuses("or --all", "dead", "replay", service)
	}
}

func TestSeedThatIsNotTheOperatorsIsTold(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	url, seeds := d.env(t, "dev.env").Get("DOORWARD_NATS_URL"), filepath.Join(d.dir, "nats")
	c := d.console(ctx, t)
	c.shows([]string{"DOORWARD_AUTHN is declared"}, "streams", "apply", "--url", url, "--seed", filepath.Join(seeds, "operator.nk"))
	sdk := filepath.Join(seeds, "sdk.nk")
	c.refuses("is "+sdk+" the operator's seed?", "streams", "apply", "--url", url, "--seed", sdk, "--wait", "2s")
}
