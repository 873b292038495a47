package inbox

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/smtp"
	"strings"
	"testing"
	"time"
)

// start runs an inbox for the test's length and fails the test if it doesn't end well.
func start(t *testing.T, config Config) *Inbox {
	t.Helper()
	config.SMTPAddress, config.WebAddress = "127.0.0.1:0", "127.0.0.1:0"
	box, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	return box
}

func deadline(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func send(t *testing.T, box *Inbox, to, body string) {
	t.Helper()
	if err := smtp.SendMail(box.SMTPAddr(), nil, "doorward@example.com", []string{to}, []byte(body)); err != nil {
		t.Fatal(err)
	}
}

func plain(subject, text string) string {
	return "From: Doorward <doorward@example.com>\r\nSubject: " + subject + "\r\n\r\n" + text + "\r\n"
}

func withSubject(subject string) func(Message) bool {
	return func(m Message) bool { return m.Subject == subject }
}

func TestWaitReturnsAMailThatIsAlreadyThere(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	box := start(t, Config{Now: func() time.Time { return now }})
	send(t, box, "ann@example.com", plain("Hello", "Good day"))

	got, err := box.Wait(deadline(t), withSubject("Hello"))
	if err != nil {
		t.Fatal(err)
	}
	if !got.SentTo("Ann@Example.com") || got.Text != "Good day\n" || !got.Received.Equal(now) {
		t.Errorf("Wait = %+v", got)
	}
}

func TestWaitWakesWhenTheMailArrives(t *testing.T) {
	box := start(t, Config{})
	found := make(chan error, 1)
	ctx := deadline(t)
	go func() {
		_, err := box.Wait(ctx, withSubject("second"))
		found <- err
	}()
	send(t, box, "ann@example.com", plain("first", "1"))
	send(t, box, "ann@example.com", plain("second", "2"))
	if err := <-found; err != nil {
		t.Fatal(err)
	}
}

func TestWaitEndsWithItsContext(t *testing.T) {
	box := start(t, Config{})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := box.Wait(ctx, withSubject("never")); !errors.Is(err, context.Canceled) {
		t.Errorf("Wait = %v, want context.Canceled", err)
	}
}

func TestInboxListensOnLoopbackOnly(t *testing.T) {
	for _, address := range []string{"0.0.0.0:0", ":0", "[::]:0", "192.0.2.1:0", "example.com:0"} {
		_, err := New(Config{SMTPAddress: address, WebAddress: "127.0.0.1:0"})
		if !errors.Is(err, ErrNotLoopback) {
			t.Errorf("SMTP on %s: %v, want ErrNotLoopback", address, err)
		}
		_, err = New(Config{SMTPAddress: "127.0.0.1:0", WebAddress: address})
		if !errors.Is(err, ErrNotLoopback) {
			t.Errorf("web on %s: %v, want ErrNotLoopback", address, err)
		}
	}
}

func TestRunEndsWhenAlreadyCancelled(t *testing.T) {
	box, err := New(Config{SMTPAddress: "127.0.0.1:0", WebAddress: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := box.Run(ctx); err != nil {
		t.Errorf("Run = %v", err)
	}
}

func TestSMTPRefusesWhatIsTooBigOrBroken(t *testing.T) {
	box := start(t, Config{})
	tests := map[string]struct{ body, want string }{
		"over the size":    {plain("big", strings.Repeat("0123456789\r\n", maxMessageBytes/10)), "552"},
		"no headers":       {"this is no mail", "554"},
		"broken multipart": {"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nno header\r\n\r\nx\r\n--b--\r\n", "554"},
		"no boundary":      {"Content-Type: multipart/mixed\r\n\r\nx\r\n", "554"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			err := smtp.SendMail(box.SMTPAddr(), nil, "a@example.com", []string{"b@example.com"}, []byte(test.body))
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("SendMail = %v, want a %s", err, test.want)
			}
		})
	}
	if kept := box.Messages(); len(kept) != 0 {
		t.Errorf("%d mails kept, want none", len(kept))
	}
}

func TestSMTPBoundsRecipients(t *testing.T) {
	box := start(t, Config{})
	to := make([]string, maxRecipients+1)
	for i := range to {
		to[i] = fmt.Sprintf("user%d@example.com", i)
	}
	err := smtp.SendMail(box.SMTPAddr(), nil, "a@example.com", to, []byte(plain("many", "x")))
	if err == nil || !strings.HasPrefix(err.Error(), "452") {
		t.Errorf("SendMail = %v, want a 452", err)
	}
}

func TestSMTPOffersStartTLSWhenConfigured(t *testing.T) {
	for _, config := range []Config{{}, {TLS: &tls.Config{MinVersion: tls.VersionTLS13}}} {
		box := start(t, config)
		client, err := smtp.Dial(box.SMTPAddr())
		if err != nil {
			t.Fatal(err)
		}
		offered, _ := client.Extension("STARTTLS")
		if want := config.TLS != nil; offered != want {
			t.Errorf("STARTTLS offered: %t, want %t", offered, want)
		}
		if err := client.Quit(); err != nil {
			t.Error(err)
		}
	}
}

func TestTakenPortIsNamed(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	for name, config := range map[string]Config{
		"SMTP": {SMTPAddress: taken.Addr().String(), WebAddress: "127.0.0.1:0"},
		"page": {SMTPAddress: "127.0.0.1:0", WebAddress: taken.Addr().String()},
	} {
		t.Run(name, func(t *testing.T) {
			want := fmt.Sprintf("port %d in use", taken.Addr().(*net.TCPAddr).Port)
			if _, err := New(config); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("New = %v, want %q in it", err, want)
			}
		})
	}
}
