package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/doorward/doorward/cmd/doorward/internal/deployment"
	"github.com/doorward/doorward/cmd/doorward/internal/story"
	"github.com/doorward/doorward/internal/secret"
	doorward "github.com/doorward/doorward/sdk"
)

// screen is a terminal that can be read while a command writes to it.
type screen struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (s *screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *screen) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// dev is `doorward dev` under way, on any free ports.
type dev struct {
	dir   string
	shows screen
	stop  func()
}

// startDev runs it in an environment until stop, or until the test's end, and demands that it ends well.
func startDev(t *testing.T, dir string, environ ...string) *dev {
	t.Helper()
	d := &dev{dir: dir}
	ctx, cancel := context.WithCancel(context.Background()) // it outlives the test's own context by its graceful stop
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"dev", "--dir", dir, "--port-base", "0"}, streams{out: &d.shows, err: &d.shows, env: environ})
	}()
	d.stop = sync.OnceFunc(func() {
		cancel()
		if code := <-ended; code != exitOK {
			t.Errorf("dev ended with code %d:\n%s", code, d.shows.String())
		}
	})
	t.Cleanup(d.stop)
	ready, done := context.WithTimeout(t.Context(), patience)
	defer done()
	if !poll(ready, func() bool { return strings.Contains(d.shows.String(), "doorward dev: ready in ") }) {
		t.Fatalf("dev isn't ready after %v:\n%s", patience, d.shows.String())
	}
	return d
}

// env reads one of its env files.
func (d *dev) env(t *testing.T, name string) deployment.Env {
	t.Helper()
	env, err := deployment.ReadEnv(filepath.Join(d.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	return env
}

// world connects to it as the demo does, until the test's end.
func (d *dev) world(t *testing.T) story.World {
	t.Helper()
	w, closeWorld := d.connect(t)
	t.Cleanup(closeWorld)
	return w
}

func (d *dev) connect(t *testing.T) (w story.World, closeWorld func()) {
	t.Helper()
	var complaints screen
	w, closeAll, err := openWorld(t.Context(), streams{out: &complaints, err: &complaints}, d.env(t, "dev.env"))
	if err != nil {
		t.Fatal(err)
	}
	return w, func() {
		if err := closeAll(); err != nil {
			t.Error(err)
		}
	}
}

// user is somebody with an account, a place and a device.
type user struct {
	email, password string
	ip              netip.Addr
	grant           doorward.Grant
}

func (u user) from() doorward.From {
	return doorward.From{IP: u.ip, UserAgent: "test", DeviceSecret: u.grant.DeviceSecret}
}

var sixDigits = regexp.MustCompile(`\b[0-9]{6}\b`)

// signUp makes an account on this machine, with the code that comes by mail.
func signUp(ctx context.Context, t *testing.T, w story.World) user {
	t.Helper()
	return signUpAt(ctx, t, w, netip.MustParseAddr("127.0.0.1"))
}

func signUpAt(ctx context.Context, t *testing.T, w story.World, ip netip.Addr) user {
	t.Helper()
	u := user{email: "ada." + strings.ToLower(rand.Text()[:10]) + "@example.com", password: rand.Text(), ip: ip}
	a, err := w.Doorward.SignUp(ctx, u.email, u.from())
	must(t, err)
	must(t, a.NewPassword(ctx, u.password))
	must(t, a.SendCode(ctx))
	mail, err := w.Inbox.Await(ctx, u.email, 0)
	must(t, err)
	must(t, a.Code(ctx, sixDigits.FindString(mail.Text)))
	var ok bool
	if u.grant, ok = a.Grant(); !ok {
		t.Fatalf("the sign-up's next step is %v", a.Next())
	}
	return u
}

// spoilt is a copy of an env file with a fault in it.
func spoilt(t *testing.T, file string, spoil func(text string) string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	must(t, err)
	path := filepath.Join(t.TempDir(), "spoilt.env")
	must(t, secret.ReplaceFile(path, []byte(spoil(string(text)))))
	return path
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
