package inbox

import (
	"errors"
	"io"
	"log/slog"
	"time"

	"github.com/emersion/go-smtp"
)

// Bounds of the SMTP server.
const (
	maxMessageBytes = 1 << 20
	maxRecipients   = 50
	smtpTimeout     = 30 * time.Second
)

func newSMTPServer(config Config, box *mailbox) *smtp.Server {
	server := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) {
		return &session{mailbox: box, logger: config.Logger, now: config.Now}, nil
	}))
	server.Domain = "inbox.localhost"
	server.TLSConfig = config.TLS
	server.MaxMessageBytes = maxMessageBytes
	server.MaxRecipients = maxRecipients
	server.ReadTimeout = smtpTimeout
	server.WriteTimeout = smtpTimeout
	server.EnableSMTPUTF8 = true
	server.ErrorLog = slog.NewLogLogger(config.Logger.Handler(), slog.LevelWarn)
	return server
}

// session is one connection's mail in the making. The server calls it from one
// goroutine at a time.
type session struct {
	mailbox *mailbox
	logger  *slog.Logger
	now     func() time.Time

	from string
	to   []string
}

var _ smtp.Session = (*session)(nil)

// Reset forgets the mail in the making.
func (s *session) Reset() { s.from, s.to = "", nil }

// Logout has nothing to free.
func (s *session) Logout() error { return nil }

// Mail accepts any sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt accepts any recipient; how many is the server's to bound.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.to = append(s.to, to)
	return nil
}

// Data keeps the mail. One that can't be read is refused for good, so that a
// developer hears of a broken mail where it was made.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	message, err := parse(raw)
	if err != nil {
		return refusal(err)
	}
	if message.From == "" {
		message.From = s.from
	}
	message.To = s.to
	message.Received = s.now().UTC()
	id := s.mailbox.add(message)
	// What the mail says stays out of the log: it may hold a code.
	s.logger.Info("mail kept", slog.Int("id", id), slog.Int("bytes", len(raw)))
	return nil
}

func refusal(err error) error {
	if !errors.Is(err, ErrMalformed) {
		return err
	}
	return &smtp.SMTPError{Code: 554, EnhancedCode: smtp.EnhancedCode{5, 6, 0}, Message: "Malformed mail: check its headers and MIME parts"}
}
