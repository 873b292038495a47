package main

import (
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/doorward/doorward/internal/inbox"
	"github.com/doorward/doorward/sdk/doorwardtest"
)

// transcript is a terminal's output that a test waits on.
type transcript struct {
	mu      sync.Mutex
	text    bytes.Buffer
	written chan struct{} // closed and replaced by every write
}

func newTranscript() *transcript { return &transcript{written: make(chan struct{})} }

func (o *transcript) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	close(o.written)
	o.written = make(chan struct{})
	return o.text.Write(p)
}

func (o *transcript) now() (string, <-chan struct{}) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.text.String(), o.written
}

// until waits for words on the terminal.
func (o *transcript) until(t *testing.T, words string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for {
		text, more := o.now()
		if strings.Contains(text, words) {
			return
		}
		select {
		case <-more:
		case <-ctx.Done():
			t.Fatalf("never said %q:\n%s", words, text)
		}
	}
}

// startNotes serves the guarded notebook, as `notes serve` does.
func startNotes(t *testing.T, dw *doorwardtest.Doorward) (address string) {
	t.Helper()
	listener, err := listenHere("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	background(t, func(ctx context.Context) error { return serve(ctx, listener, dw.Verifier) })
	return listener.Addr().String()
}

// background runs a task for the test's length.
func background(t *testing.T, task func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	ended := make(chan error, 1)
	go func() { ended <- task(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("ended with %v", err)
		}
	})
}

// watch runs `notes watch` and returns its terminal and its end.
func watch(t *testing.T, in io.Reader, args ...string) (*transcript, <-chan error) {
	t.Helper()
	out, ended := newTranscript(), make(chan error, 1)
	go func() { ended <- run(t.Context(), append([]string{"watch", "--email", annsEmail}, args...), in, out) }()
	return out, ended
}

func TestWatchSignsUpCallsAndSeesTheRevocation(t *testing.T) {
	dw := doorwardtest.New(t)
	mails, err := inbox.New(inbox.Config{SMTPAddress: "127.0.0.1:0", WebAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	background(t, mails.Run)
	a := &authn{dw: dw, smtp: mails.SMTPAddr(), tokenLife: refreshBefore} // to be refreshed at once
	startAuthn(t, a)
	t.Setenv("DOORWARD_INBOX", "http://"+mails.WebAddr())
	t.Setenv("NOTES_PASSWORD", annsPassword)
	devices := t.TempDir()

	out, ended := watch(t, strings.NewReader(""), "--sign-up", "--notes", startNotes(t, dw), "--devices", devices)
	out.until(t, "ok: 0 notes")
	dw.Revoke(annsSession)
	if err := <-ended; err != nil {
		t.Errorf("the session's end is an error: %v", err)
	}
	text, _ := out.now()
	for _, want := range []string{
		"signed in as ann@example.com; this is session ses_ann",
		"go run ./cmd/doorward sessions revoke ses_ann\n",
		"refreshed: a new token, good for 1m0s",
		"refused: Unauthenticated SESSION_ENDED (the session has ended: sign in again), though the token would have been good for another",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the transcript lacks %q:\n%s", want, text)
		}
	}
	for _, secret := range []string{annsPassword, annsDevice, "refresh-", "eyJ"} {
		if strings.Contains(text, secret) {
			t.Errorf("the transcript has the secret %q:\n%s", secret, text)
		}
	}
	if a.refreshed != 1 {
		t.Errorf("refreshed %d times", a.refreshed)
	}
	keptSecretly(t, devices)
}

// keptSecretly looks at the file that makes the device known.
func keptSecretly(t *testing.T, devices string) {
	t.Helper()
	info, err := os.Stat(filepath.Join(devices, annsEmail))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the device's secret has the mode %v", info.Mode())
	}
}

func TestKnownDeviceNeedsThePasswordAlone(t *testing.T) {
	dw := doorwardtest.New(t)
	a := &authn{dw: dw, tokenLife: time.Minute}
	startAuthn(t, a)
	devices, notes := t.TempDir(), startNotes(t, dw)

	// A wrong password and a wrong code first: each may be corrected.
	unknown := strings.NewReader("wrong\n" + annsPassword + "\n000000\n" + annsCode + "\n")
	out, _ := watch(t, unknown, "--notes", notes, "--devices", devices)
	out.until(t, "ok: 0 notes")
	if a.codesSent != 1 {
		t.Errorf("%d codes were sent", a.codesSent)
	}
	if text, _ := out.now(); strings.Count(text, "that was wrong or too late; 3 more tries") != 2 {
		t.Errorf("wrong answers aren't told:\n%s", text)
	}
	out, ended := watch(t, strings.NewReader(annsPassword+"\n"), "--notes", notes, "--devices", devices)
	out.until(t, "ok: 0 notes")
	if a.codesSent != 1 {
		t.Error("a known device was asked for a code")
	}
	dw.Revoke(annsSession)
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestWatchSaysWhatIsMissing(t *testing.T) {
	tests := map[string]struct {
		args []string
		want string
	}{
		"no command":      {nil, "usage"},
		"another command": {[]string{"sing"}, `no command "sing"`},
		"no email":        {[]string{"watch"}, "--email"},
		"unknown flag":    {[]string{"watch", "--mail", "x"}, "not defined"},
		"too much":        {[]string{"serve", "now"}, `no "now"`},
		"open to others":  {[]string{"serve", "--listen", "0.0.0.0:0"}, "loopback"},
		"no environment":  {[]string{"watch", "--email", annsEmail}, "no DOORWARD_ADDRESS, no DOORWARD_API_KEY: run . .doorward/dev.env"},
		"none to serve":   {[]string{"serve", "--listen", "127.0.0.1:0"}, "no DOORWARD_ADDRESS"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("DOORWARD_ADDRESS", "")
			t.Setenv("DOORWARD_API_KEY", "")
			err := run(t.Context(), test.args, strings.NewReader(""), io.Discard)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("%v, want it to speak of %q", err, test.want)
			}
		})
	}
}

func TestEndOfInputEndsTheSignIn(t *testing.T) {
	dw := doorwardtest.New(t)
	startAuthn(t, &authn{dw: dw})
	_, ended := watch(t, strings.NewReader(""), "--devices", t.TempDir())
	if err := <-ended; err == nil || !strings.Contains(err.Error(), "standard input ended") {
		t.Errorf("watch = %v", err)
	}
}

func TestServiceThatIsntThereIsSaid(t *testing.T) {
	dw := doorwardtest.New(t)
	startAuthn(t, &authn{dw: dw, tokenLife: time.Minute})
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_ = closed.Close()
	in := strings.NewReader(annsPassword + "\n" + annsCode + "\n")
	out, _ := watch(t, in, "--notes", closed.Addr().String(), "--devices", t.TempDir())
	out.until(t, "isn't there: run go run ./examples/notes serve")
}

func TestDeviceFilesStayInTheirFolder(t *testing.T) {
	for _, email := range []string{"a@example.com", "../../a@example.com", "A@EXAMPLE.COM", "a/b@example.com", "..@x", `a\b@x`} {
		if got := deviceFor("devices", email).path; filepath.Dir(got) != "devices" {
			t.Errorf("%s: %s", email, got)
		}
	}
}

func TestCodeIsFoundOnALineOfItsOwn(t *testing.T) {
	tests := map[string]string{
		"Your code:\n\n    048213\n\nIt works once.": "048213",
		"\r\n  123456  \r\n":                         "123456",
		"Call 123456 now":                            "",
		"1234567":                                    "",
		"":                                           "",
	}
	for text, want := range tests {
		if got := codeIn(text); got != want {
			t.Errorf("codeIn(%q) = %q, want %q", text, got, want)
		}
	}
}
