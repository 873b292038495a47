package inbox

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"strings"
	"time"
)

// Bounds on the structure of a mail; its size is bounded by the SMTP server.
const (
	maxDepth = 8
	maxParts = 64
)

// ErrMalformed refuses what isn't a mail (RFC 5322) or whose MIME is broken.
var ErrMalformed = errors.New("malformed mail")

// Message is one mail as it arrived. Attachments aren't kept.
type Message struct {
	ID        int       `json:"id"`   // counts from 1 in order of arrival
	From      string    `json:"from"` // the From header, or the envelope's sender
	To        []string  `json:"to"`   // the envelope's recipients: who really gets it
	Subject   string    `json:"subject"`
	MessageID string    `json:"message_id"` // the header without its brackets; a mail that is sent again has the same one
	Date      time.Time `json:"date"`       // the Date header in UTC; zero if there is none
	Received  time.Time `json:"received"`   // when it arrived here
	Text      string    `json:"text"`
	HTML      string    `json:"html"`
	Links     []string  `json:"links"` // http and https links of both bodies, each once
}

func (m Message) size() int {
	total := len(m.From) + len(m.Subject) + len(m.MessageID) + len(m.Text) + len(m.HTML)
	for _, link := range m.Links {
		total += len(link)
	}
	for _, to := range m.To {
		total += len(to)
	}
	return total
}

// SentTo tells whether the address is among the recipients, in any case.
func (m Message) SentTo(address string) bool {
	for _, to := range m.To {
		if strings.EqualFold(to, address) {
			return true
		}
	}
	return false
}

// parse reads a mail into a Message without envelope and number.
func parse(raw []byte) (Message, error) {
	incoming, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	message := Message{
		From:      decodeHeader(incoming.Header.Get("From")),
		Subject:   decodeHeader(incoming.Header.Get("Subject")),
		MessageID: strings.Trim(decodeHeader(incoming.Header.Get("Message-Id")), "<> "),
	}
	// In UTC, because JSON has no word for every zone and year that a header may name, and one mail would spoil the list of all.
	if date, err := incoming.Header.Date(); err == nil && date.UTC().Year() > 0 && date.UTC().Year() <= 9999 {
		message.Date = date.UTC()
	}
	walk := bodies{message: &message}
	if err := walk.read(incoming.Header, incoming.Body, 0); err != nil {
		return Message{}, fmt.Errorf("%w: %w", ErrMalformed, err)
	}
	message.Links = links(message.Text, message.HTML)
	return message, nil
}

// decodeHeader undoes RFC 2047. A charset that isn't known stays as it came.
func decodeHeader(value string) string {
	var decoder mime.WordDecoder
	decoded, err := decoder.DecodeHeader(value)
	if err != nil {
		decoded = value
	}
	return strings.ToValidUTF8(decoded, "\uFFFD")
}

// header is what mail.Header and a part's header have in common.
type header interface{ Get(key string) string }

// bodies walks the parts of a mail and keeps the first text and the first HTML.
type bodies struct {
	message *Message
	parts   int
}

func (b *bodies) read(h header, body io.Reader, depth int) error {
	b.parts++
	if depth > maxDepth || b.parts > maxParts {
		return fmt.Errorf("more than %d parts or %d levels", maxParts, maxDepth)
	}
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = "text/plain" // RFC 2045 §5.2: a missing type is plain text
	}
	if strings.HasPrefix(kind, "multipart/") {
		if params["boundary"] == "" {
			return errors.New("a multipart without a boundary")
		}
		return b.readParts(multipart.NewReader(body, params["boundary"]), depth)
	}
	if disposition, _, _ := mime.ParseMediaType(h.Get("Content-Disposition")); disposition == "attachment" {
		return nil
	}
	switch kind {
	case "text/plain":
		return readText(&b.message.Text, h, body)
	case "text/html":
		return readText(&b.message.HTML, h, body)
	default:
		return nil
	}
}

func (b *bodies) readParts(reader *multipart.Reader, depth int) error {
	for {
		// NextRawPart leaves the transfer encoding to readText, for one way of decoding.
		part, err := reader.NextRawPart()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := b.read(part.Header, part, depth+1); err != nil {
			return err
		}
	}
}

// readText decodes a part into the field, unless an earlier part filled it. Other charsets
// than UTF-8 show with replacement characters, as our own mails are UTF-8.
func readText(field *string, h header, body io.Reader) error {
	if *field != "" {
		return nil
	}
	switch strings.ToLower(strings.TrimSpace(h.Get("Content-Transfer-Encoding"))) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	decoded, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	text := strings.ToValidUTF8(string(decoded), "\uFFFD")
	*field = strings.ReplaceAll(text, "\r\n", "\n")
	return nil
}
