package mail

import (
	"errors"
	"fmt"
	"net/mail"
	"strings"
	"time"

	gomail "github.com/wneessen/go-mail"
)

// Bounds on what is sent; ours are a few kilobytes.
const (
	maxAddress = 320 // RFC 3696: 64 of local part, @, 255 of domain
	maxSubject = 200
	maxBody    = 256 << 10
)

// ErrMessage refuses a mail that isn't well formed. It is permanent: sent again,
// it is as malformed as before.
var ErrMessage = fmt.Errorf("%w: malformed mail", ErrPermanent)

// Message is one mail to one recipient.
type Message struct {
	ID      string // the delivery's id; Message-ID is <id@the sender's domain>
	To      string // a bare address
	Subject string
	Text    string
	HTML    string
}

// validate refuses header injection: whatever goes into a header is one line of
// printable characters, and the recipient is one bare address.
func (m Message) validate() error {
	return errors.Join(m.checkID(), m.checkTo(), m.checkSubject(), m.checkBody())
}

func (m Message) checkID() error {
	if m.ID == "" || len(m.ID) > 100 || strings.ContainsFunc(m.ID, func(r rune) bool { return !isIDRune(r) }) {
		return fmt.Errorf("%w: the id must be letters, digits, - and _", ErrMessage)
	}
	return nil
}

func isIDRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

func (m Message) checkTo() error {
	address, err := parseAddress(m.To)
	if err != nil || address.Name != "" || address.Address != m.To {
		return fmt.Errorf("%w: the recipient must be one bare address", ErrMessage)
	}
	return nil
}

func (m Message) checkSubject() error {
	if m.Subject == "" || len(m.Subject) > maxSubject || hasControl(m.Subject) {
		return fmt.Errorf("%w: the subject must be one line of 1 to %d bytes", ErrMessage, maxSubject)
	}
	return nil
}

func (m Message) checkBody() error {
	if m.Text == "" || m.HTML == "" || len(m.Text)+len(m.HTML) > maxBody {
		return fmt.Errorf("%w: text and HTML must both be there, %d bytes together at most", ErrMessage, maxBody)
	}
	return nil
}

// parseAddress accepts one address on one line.
func parseAddress(value string) (*mail.Address, error) {
	if len(value) > maxAddress || hasControl(value) {
		return nil, errors.New("not one line")
	}
	return mail.ParseAddress(value)
}

func hasControl(value string) bool {
	return strings.ContainsFunc(value, func(r rune) bool {
		return r < ' ' || r == 0x7f || r == '\u0085' || r == '\u2028' || r == '\u2029'
	})
}

// build makes the MIME message. A delivery that is tried again carries the same
// Message-ID, so that a server or mailbox can see the repeat.
func (m Message) build(from *mail.Address, now time.Time) *gomail.Msg {
	_, domain, _ := strings.Cut(from.Address, "@")
	built := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	built.FromMailAddress(from)
	built.ToMailAddress(&mail.Address{Address: m.To})
	built.Subject(m.Subject)
	built.SetDateWithValue(now.UTC())
	built.SetMessageIDWithValue(m.ID + "@" + domain)
	// RFC 3834: no vacation notice or other robot should answer.
	built.SetGenHeader("Auto-Submitted", "auto-generated")
	built.SetGenHeader("X-Auto-Response-Suppress", "All")
	built.SetBodyString(gomail.TypeTextPlain, m.Text)
	built.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	return built
}
