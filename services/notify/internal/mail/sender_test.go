package mail

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/doorward/doorward/internal/inbox"
)

const from = "Doorward <no-reply@example.com>"

func noon() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func message() Message {
	return Message{
		ID: "dlv_01", To: "ann@example.com", Subject: "Your confirmation code",
		Text: "Code for Ännchen: 048213\n", HTML: "<p>Code for Ännchen: <b>048213</b></p>\n",
	}
}

func sender(t *testing.T, config Config) *Sender {
	t.Helper()
	config.From = from
	made, err := New(config, noon)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func startInbox(t *testing.T, config inbox.Config) *inbox.Inbox {
	t.Helper()
	config.SMTPAddress, config.WebAddress = "127.0.0.1:0", "127.0.0.1:0"
	box, err := inbox.New(config)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- box.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("inbox: %v", err)
		}
	})
	return box
}

func TestSendDeliversTextAndHTML(t *testing.T) {
	box := startInbox(t, inbox.Config{})
	if err := sender(t, Config{Address: box.SMTPAddr(), TLS: Plain}).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	want := []inbox.Message{{
		ID: 1, From: `"Doorward" <no-reply@example.com>`, To: []string{"ann@example.com"}, Subject: "Your confirmation code", MessageID: "dlv_01@example.com",
		Date: noon(), Text: message().Text, HTML: message().HTML, Links: []string{},
	}}
	ignore := cmpopts.IgnoreFields(inbox.Message{}, "Received")
	sameTime := cmp.Comparer(func(a, b time.Time) bool { return a.Equal(b) })
	if diff := cmp.Diff(want, box.Messages(), ignore, sameTime); diff != "" {
		t.Errorf("the mail (-want +got):\n%s", diff)
	}
}

func TestMailCarriesItsHeaders(t *testing.T) {
	parsed, err := parseAddress(from)
	if err != nil {
		t.Fatal(err)
	}
	var raw strings.Builder
	if _, err := message().build(parsed, noon()).WriteTo(&raw); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"Message-ID: <dlv_01@example.com>\r\n",
		"Auto-Submitted: auto-generated\r\n",
		"Date: Sun, 01 Mar 2026 12:00:00 +0000\r\n",
		"multipart/alternative",
	} {
		if !strings.Contains(raw.String(), want) {
			t.Errorf("no %q in:\n%s", want, raw.String())
		}
	}
	if strings.Contains(raw.String(), "go-mail") {
		t.Error("the mail says which library made it")
	}
}

func TestFailuresAreToldApart(t *testing.T) {
	tests := []struct {
		name      string
		script    map[string]string
		permanent bool
	}{
		{"the recipient doesn't exist", map[string]string{"RCPT": "550 5.1.1 no such user ann@example.com"}, true},
		{"the mailbox is full now", map[string]string{"RCPT": "452 4.2.2 full"}, false},
		{"the sender is refused", map[string]string{"MAIL": "553 5.1.8 bad sender"}, false},
		{"relaying is refused", map[string]string{"RCPT": "554 5.7.1 relay access denied"}, false},
		{"greylisted", map[string]string{"MAIL": "451 4.7.1 later"}, false},
		{"data refused", map[string]string{"DATA": "554 5.5.1 no"}, true},
		{"the content is refused", map[string]string{"body": "554 5.7.1 spam: 048213"}, true},
		{"the content is refused for now", map[string]string{"body": "451 4.3.0 busy"}, false},
		{"a login is asked for", map[string]string{"MAIL": "530 5.7.0 login first"}, false},
		{"the server is closing", map[string]string{"greet": "421 4.3.2 closing"}, false},
		{"the server takes no mail", map[string]string{"greet": "554 5.3.2 no service"}, false},
		{"the greeting isn't SMTP", map[string]string{"greet": "HTTP/1.1 400 ann@example.com"}, false},
		{"the connection drops at the greeting", map[string]string{"greet": drop}, false},
		{"the connection drops at the recipient", map[string]string{"RCPT": drop}, false},
		{"the connection drops after the body", map[string]string{"body": drop}, false},
		{"an answer that isn't SMTP", map[string]string{"RCPT": "5"}, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			address := scripted(t, test.script)
			err := sender(t, Config{Address: address, TLS: Plain, Timeout: 5 * time.Second}).Send(t.Context(), message())
			if err == nil || errors.Is(err, ErrPermanent) != test.permanent {
				t.Fatalf("Send = %v, want permanent: %t", err, test.permanent)
			}
			for _, secret := range []string{"048213", "ann@example.com"} {
				if strings.Contains(err.Error(), secret) {
					t.Errorf("the error repeats %q: %v", secret, err)
				}
			}
		})
	}
}

func TestAcceptedMailIsSentWhateverTheGoodbye(t *testing.T) {
	for _, goodbye := range []string{drop, "500 what?", hang} {
		address := scripted(t, map[string]string{"QUIT": goodbye})
		if err := sender(t, Config{Address: address, TLS: Plain, Timeout: 10 * time.Second}).Send(t.Context(), message()); err != nil {
			t.Errorf("QUIT answered by %q: %v", goodbye, err)
		}
	}
}

func TestAHangingServerTimesOut(t *testing.T) {
	for _, step := range []string{"greet", "EHLO", "MAIL", "RCPT", "DATA", "body"} {
		for _, how := range []string{hang, drip} {
			t.Run(step+" "+how, func(t *testing.T) {
				t.Parallel()
				address := scripted(t, map[string]string{step: how})
				err := sender(t, Config{Address: address, TLS: Plain, Timeout: 200 * time.Millisecond}).Send(t.Context(), message())
				if !errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrPermanent) {
					t.Errorf("Send = %v, want a transient deadline exceeded", err)
				}
			})
		}
	}
}

func TestAnEndlessAnswerIsCutOff(t *testing.T) {
	address := scripted(t, map[string]string{"MAIL": flood})
	err := sender(t, Config{Address: address, TLS: Plain, Timeout: 30 * time.Second}).Send(t.Context(), message())
	if err == nil || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrPermanent) {
		t.Errorf("Send = %v, want it cut off before the deadline", err)
	}
}

func TestSendEndsWithItsContext(t *testing.T) {
	address := scripted(t, map[string]string{"greet": hang})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	made := sender(t, Config{Address: address, TLS: Plain, Timeout: time.Minute})
	go func() { ended <- made.Send(ctx, message()) }()
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("Send = %v, want context.Canceled", err)
	}
}

func TestNobodyListeningIsTransient(t *testing.T) {
	address := scripted(t, nil)
	made := sender(t, Config{Address: "127.0.0.1:1", TLS: Plain})
	if err := made.Send(t.Context(), message()); err == nil || errors.Is(err, ErrPermanent) {
		t.Errorf("Send = %v, want a transient error", err)
	}
	made = sender(t, Config{Address: address, TLS: StartTLS})
	if err := made.Send(t.Context(), message()); err == nil || errors.Is(err, ErrPermanent) {
		t.Errorf("a server without STARTTLS: %v, want a transient error", err)
	}
}

func TestHeaderInjectionIsRefused(t *testing.T) {
	address := scripted(t, map[string]string{"greet": drop})
	made := sender(t, Config{Address: address, TLS: Plain})
	spoilt := map[string]func(*Message){
		"a line in the recipient":  func(m *Message) { m.To = "ann@example.com\r\nBcc: bob@example.com" },
		"two recipients":           func(m *Message) { m.To = "ann@example.com, bob@example.com" },
		"a name in the recipient":  func(m *Message) { m.To = "Ann <ann@example.com>" },
		"no recipient":             func(m *Message) { m.To = "" },
		"a long recipient":         func(m *Message) { m.To = strings.Repeat("a", 10<<10) + "@example.com" },
		"a line in the subject":    func(m *Message) { m.Subject = "x\r\nBcc: bob@example.com" },
		"a bare CR in the subject": func(m *Message) { m.Subject = "x\rBcc: bob@example.com" },
		"no subject":               func(m *Message) { m.Subject = "" },
		"a line in the id":         func(m *Message) { m.ID = "dlv_1>\r\nX: y" },
		"no id":                    func(m *Message) { m.ID = "" },
		"no text":                  func(m *Message) { m.Text = "" },
		"no HTML":                  func(m *Message) { m.HTML = "" },
		"a huge body":              func(m *Message) { m.Text = strings.Repeat("x", maxBody) },
	}
	for name, spoil := range spoilt {
		bad := message()
		spoil(&bad)
		if err := made.Send(t.Context(), bad); !errors.Is(err, ErrMessage) || !errors.Is(err, ErrPermanent) {
			t.Errorf("%s: %v, want ErrMessage", name, err)
		}
	}
}

func passwordFile(t *testing.T, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "password")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
