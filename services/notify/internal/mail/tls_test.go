package mail

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"

	"github.com/doorward/doorward/internal/inbox"
)

func TestStartTLSDelivers(t *testing.T) {
	serverTLS, pool := certificate(t)
	box := startInbox(t, inbox.Config{TLS: serverTLS})
	if err := sender(t, Config{Address: box.SMTPAddr(), RootCAs: pool}).Send(t.Context(), message()); err != nil {
		t.Fatal(err)
	}
	if got := box.Messages(); len(got) != 1 {
		t.Errorf("%d mails arrived", len(got))
	}
}

func TestNothingIsSentWithoutTheTLSThatWasAskedFor(t *testing.T) {
	serverTLS, _ := certificate(t)
	withTLS := startInbox(t, inbox.Config{TLS: serverTLS})
	without := startInbox(t, inbox.Config{})
	_, foreign := certificate(t)

	tests := map[string]Config{
		"no STARTTLS offered":    {Address: without.SMTPAddr(), TLS: StartTLS},
		"no TLS at all":          {Address: without.SMTPAddr(), TLS: ImplicitTLS, RootCAs: foreign},
		"an unknown certificate": {Address: withTLS.SMTPAddr(), TLS: StartTLS, RootCAs: foreign},
	}
	for name, config := range tests {
		err := sender(t, config).Send(t.Context(), message())
		if err == nil || errors.Is(err, ErrPermanent) {
			t.Errorf("%s: %v, want a transient error", name, err)
		}
	}
	if n := len(withTLS.Messages()) + len(without.Messages()); n != 0 {
		t.Errorf("%d mails got through", n)
	}
}

// guarded is an SMTP server that wants a login, with TLS from the first byte or by STARTTLS.
func guarded(t *testing.T, implicit bool) (address string, pool *x509.CertPool, arrived <-chan string) {
	t.Helper()
	serverTLS, pool := certificate(t)
	received := make(chan string, 1)
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &guardedSession{received: received}, nil
	}))
	server.Domain = "localhost"
	server.TLSConfig = serverTLS
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	serving := listener
	if implicit {
		serving = tls.NewListener(listener, serverTLS)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Serve(serving) // ends with an error that says it was closed
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close()
		<-ended
	})
	return listener.Addr().String(), pool, received
}

type guardedSession struct {
	in       bool
	received chan<- string
}

func (s *guardedSession) AuthMechanisms() []string { return []string{sasl.Plain} }

func (s *guardedSession) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, username, password string) error {
		if username != "doorward" || password != "right horse" {
			return smtp.ErrAuthFailed
		}
		s.in = true
		return nil
	}), nil
}

func (s *guardedSession) Mail(string, *smtp.MailOptions) error {
	if !s.in {
		return smtp.ErrAuthRequired
	}
	return nil
}

func (s *guardedSession) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (s *guardedSession) Reset()                               {}
func (s *guardedSession) Logout() error                        { return nil }

func (s *guardedSession) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	s.received <- string(content)
	return err
}

func TestLoginOverTLS(t *testing.T) {
	for _, mode := range []TLSMode{StartTLS, ImplicitTLS} {
		t.Run(string(mode), func(t *testing.T) {
			address, pool, arrived := guarded(t, mode == ImplicitTLS)
			config := Config{Address: address, TLS: mode, RootCAs: pool, Username: "doorward", PasswordFile: passwordFile(t, "right horse\n")}
			if err := sender(t, config).Send(t.Context(), message()); err != nil {
				t.Fatal(err)
			}
			if got := <-arrived; !strings.Contains(got, "dlv_01@example.com") {
				t.Errorf("arrived:\n%s", got)
			}
		})
	}
}

// A wrong password is the operator's to mend; the mail waits for it.
func TestAWrongLoginIsTransientAndSaysNoSecret(t *testing.T) {
	address, pool, _ := guarded(t, false)
	config := Config{Address: address, RootCAs: pool, Username: "doorward", PasswordFile: passwordFile(t, "battery staple")}
	err := sender(t, config).Send(t.Context(), message())
	if err == nil || errors.Is(err, ErrPermanent) || !strings.Contains(err.Error(), "535") {
		t.Fatalf("Send = %v, want a transient error with 535", err)
	}
	if strings.Contains(err.Error(), "battery") {
		t.Errorf("the error repeats the password: %v", err)
	}
}
