package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/porttest"
	"github.com/doorward/doorward/test/testbed"
)

// TestStoryWithEachServiceInItsOwnFolder is what compose.yaml does, without containers: doorward init makes everything, each service sees its own folder
// alone, and NATS is a server of its own, reached over TLS.
func TestStoryWithEachServiceInItsOwnFolder(t *testing.T) {
	base, release, err := porttest.Claim(t.Context())
	must(t, err)
	t.Cleanup(func() { must(t, release()) })
	address := func(offset int) string { return porttest.Address(base + offset) }
	dir := t.TempDir()
	folder := func(name string) string { return filepath.Join(dir, "share", name) }
	nats := "tls://" + address(7)
	command(t, "init", "--dir", filepath.Join(dir, "origin"), "--share", filepath.Join(dir, "share"), "--issuer", "https://id.example.com",
		"--audience", "shop", "--authn", address(1), "--nats", nats, "--subscriber", "--inbox", "http://"+address(6))
	testbed.StartNATS(t, folder("nats")+"/nats.conf", folder("nats")+"/certs", base+7)
	must(t, os.RemoveAll(filepath.Join(dir, "origin"))) // nobody needs it who runs

	ca := func(name string) string { return folder(name) + "/certs/ca.pem" }
	command(t, "streams", "apply", "--url", nats, "--seed", folder("operator")+"/nats/operator.nk", "--ca", ca("operator"))
	service := func(name string, offset int, settings ...string) {
		args := []string{name}
		own := []string{"listen=" + address(offset), "certs=" + folder(name) + "/certs"}
		if name != "portal" {
			own = append(own, "data_dir="+folder(name)+"/data", "nats.url="+nats, "nats.ca="+ca(name), "nats.seed="+folder(name)+"/nats/"+name+".nk")
		}
		for _, setting := range append(own, settings...) {
			args = append(args, "--set", setting)
		}
		begin(t, args...)
	}
	begin(t, "inbox", "--smtp", address(5), "--web", address(6))
	service("risk", 2)
	service("authn", 1, "issuer=https://id.example.com", "risk="+address(2), "keys_dir="+folder("authn")+"/keys", "mail_key="+folder("authn")+"/keys/mail/1.key.pub")
	service("notify", 3, "authn="+address(1), "seal_keys="+folder("notify")+"/keys/mail", "portal_url=http://"+address(4), "smtp.address="+address(5))
	service("portal", 4, "notify="+address(3), "url=http://"+address(4))
	for offset, name := range map[int]string{1: "authn", 2: "risk", 3: "notify", 4: "portal", 6: "inbox"} {
		awaitHealth(t, name, "--address", address(offset), "--certs", folder(name)+"/certs", "--as", name)
	}

	env := filepath.Join(folder("application"), "app.env")
	if told := command(t, "demo", "--against", env); !strings.Contains(told, "As told, in ") {
		t.Errorf("the demo tells:\n%s", told)
	}
	withoutCA := spoilt(t, env, func(text string) string { return strings.Replace(text, "DOORWARD_NATS_CA", "DOORWARD_NO_CA", 1) })
	if code, said := try(t.Context(), "demo", "--against", withoutCA); code != exitFailed || !strings.Contains(said, "certificate") {
		t.Errorf("without NATS's CA the demo ends with code %d and says %q", code, said)
	}
}

// begin runs a command until the test ends, and demands that it ends well.
func begin(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the test's own context by its graceful stop
	type outcome struct {
		code int
		said string
	}
	ended := make(chan outcome, 1)
	go func() { // ends with ctx
		code, said := try(ctx, args...)
		ended <- outcome{code, said}
	}()
	t.Cleanup(func() {
		cancel()
		if end := <-ended; end.code != exitOK {
			t.Errorf("doorward %s ended with code %d:\n%s", args[0], end.code, end.said)
		}
	})
}

func awaitHealth(t *testing.T, args ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	var said string
	if !poll(ctx, func() bool {
		var code int
		code, said = try(ctx, append([]string{"health"}, args...)...)
		return code == exitOK
	}) {
		t.Fatalf("%s isn't healthy after %v: %s", args[0], patience, said)
	}
}

// command runs one that must succeed and returns what it printed.
func command(t *testing.T, args ...string) string {
	t.Helper()
	code, said := try(t.Context(), args...)
	if code != exitOK {
		t.Fatalf("doorward %s: exit code %d: %s", strings.Join(args, " "), code, said)
	}
	return said
}

// try runs a command and returns its exit code and all that it said.
func try(ctx context.Context, args ...string) (code int, said string) {
	var out bytes.Buffer
	code = run(ctx, args, streams{out: &out, err: &out})
	return code, out.String()
}
