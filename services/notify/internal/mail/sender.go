package mail

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/mail"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

// Sender sends mails through one SMTP server. It is safe for concurrent use.
type Sender struct {
	config Config
	server server
	from   *mail.Address
	now    func() time.Time
}

// New checks the config and that the password can be read. It doesn't connect:
// notify starts while the mail server is down.
func New(config Config, now func() time.Time) (*Sender, error) {
	config = config.withDefaults()
	target, from, err := config.parse()
	if err != nil {
		return nil, err
	}
	if config.PasswordFile != "" {
		if _, err := readPassword(config.PasswordFile); err != nil {
			return nil, err
		}
	}
	return &Sender{config: config, server: target, from: from, now: now}, nil
}

// Send hands the message over and returns once the server has accepted it. An error
// that is ErrPermanent won't go away by sending again; any other may. A
// connection lost between the server's acceptance and its answer is an error, so a
// mail can arrive twice but isn't lost.
func (s *Sender) Send(ctx context.Context, message Message) error {
	if err := message.validate(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.config.Timeout)
	defer cancel()

	client, err := s.client(ctx)
	if err != nil {
		return err
	}
	connection, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return connectFailure(ctx, err)
	}
	built := message.build(s.from, s.now())
	err = client.SendWithSMTPClient(connection, built)
	if built.IsDelivered() {
		sayGoodbye(connection)
		return nil
	}
	return sendFailure(ctx, err)
}

// client is made per Send: it holds this call's context, and the password as it
// is in the file now.
func (s *Sender) client(ctx context.Context) (*gomail.Client, error) {
	// The library's own deadline is the later one, so that what ends a Send is its
	// context, and the error says so.
	const slack = 2
	options := []gomail.Option{
		gomail.WithPort(s.server.port),
		gomail.WithTimeout(slack * s.config.Timeout),
		gomail.WithDialContextFunc(s.dial(ctx)),
		gomail.WithTLSConfig(s.tlsConfig()),
		gomail.WithTLSPolicy(gomail.NoTLS),
		gomail.WithoutNoop(),
		gomail.WithoutRset(),
	}
	if s.config.TLS == StartTLS {
		options = append(options, gomail.WithTLSPolicy(gomail.TLSMandatory))
	}
	if s.config.Username != "" {
		password, err := readPassword(s.config.PasswordFile)
		if err != nil {
			return nil, err
		}
		options = append(options,
			gomail.WithUsername(s.config.Username),
			gomail.WithPassword(password),
			// No mechanism here sends the password without TLS: these are not the
			// -NOENC ones, and Config refuses a password in mode "none".
			gomail.WithOpportunisticSMTPAuth(gomail.SMTPAuthSCRAMSHA256, gomail.SMTPAuthPlain, gomail.SMTPAuthLogin),
		)
	}
	client, err := gomail.NewClient(s.server.host, options...)
	if err != nil {
		return nil, fmt.Errorf("mail: set up the SMTP client: %w", err)
	}
	return client, nil
}

func (s *Sender) tlsConfig() *tls.Config {
	return &tls.Config{ServerName: s.server.host, RootCAs: s.config.RootCAs, MinVersion: tls.VersionTLS12}
}

// sayGoodbye is a courtesy. Accepted is accepted: a failing or hanging goodbye must
// neither send the mail again nor hold its sender up.
func sayGoodbye(connection *smtp.Client) {
	const patience = time.Second
	if connection.UpdateDeadline(patience) == nil {
		_ = connection.Quit()
	}
}
