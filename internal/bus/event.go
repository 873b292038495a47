package bus

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/doorward/doorward/internal/outbox"
)

// ErrInvalidEvent says that a message isn't an event of ours.
var ErrInvalidEvent = errors.New("bus: message isn't a valid event")

// The headers of CloudEvents 1.0 in NATS binary mode, and those we add.
const (
	headerSpecVersion = "ce-specversion"
	headerID          = "ce-id"
	headerSource      = "ce-source"
	headerType        = "ce-type"
	headerTime        = "ce-time"
	headerSubject     = "ce-subject"
	headerContentType = "ce-datacontenttype"
	headerUserVersion = "ce-userversion"
	headerTraceparent = "traceparent"

	specVersion = "1.0"
	contentType = "application/protobuf"
	// maxHeader bounds each value we read.
	maxHeader = 256
)

// Event is one event as it was published, and where in a stream it was found.
type Event struct {
	// ID is unique for ever; whoever handles an event twice knows it by this.
	ID string
	// Type is the subject's name for what happened, and a version: authn.signin.succeeded.v1.
	Type string
	// Source is the service that says so.
	Source string
	// Time is when it happened.
	Time time.Time
	// User is the user's id; empty when it is about no user.
	User string
	// UserVersion is the user's version after it; 0 when it is about no user. Only one user's events are in order.
	UserVersion uint64
	// Traceparent links it to the request that caused it; may be empty.
	Traceparent string
	// Subject is where it was published.
	Subject string
	// Data is the protobuf body.
	Data []byte

	// Stream, Sequence and Stored say where and when it was stored; Delivery counts from 1 how often this consumer got it. They are
	// zero on an event that wasn't read from a stream.
	Stream   string
	Sequence uint64
	Stored   time.Time
	Delivery uint64
}

// TypeOf is the ce-type of what is published on a subject: the subject without "doorward.event." or "doorward.", and ".v1". The
// subject of a session's or a signing key's revocation ends in its id, which isn't part of the type.
func TypeOf(subject string) string {
	name := strings.TrimPrefix(strings.TrimPrefix(subject, "doorward."), "event.")
	for _, revoked := range []string{"revocation.session", "revocation.signing_key"} {
		if strings.HasPrefix(name, revoked+".") {
			name = revoked
		}
	}
	return name + ".v1"
}

// ValidRow says whether readers will take the row for an event: above all that type and source fit the subject. The publisher
// refuses a row that isn't valid; services call it in their tests.
func ValidRow(row outbox.Row) error {
	m := message(row)
	_, err := decode(m.Subject, m.Header, m.Data)
	return err
}

// message makes the NATS message of an outbox row.
func message(row outbox.Row) *nats.Msg {
	h := nats.Header{
		headerSpecVersion: {specVersion},
		headerID:          {row.ID},
		headerSource:      {row.Source},
		headerType:        {row.Type},
		headerTime:        {row.Time.UTC().Format(time.RFC3339Nano)},
		headerContentType: {contentType},
		nats.MsgIdHdr:     {row.ID},
	}
	if row.Key != "" {
		h[headerSubject] = []string{row.Key}
	}
	if row.UserVersion > 0 {
		h[headerUserVersion] = []string{strconv.FormatUint(row.UserVersion, 10)}
	}
	if row.Traceparent != "" {
		h[headerTraceparent] = []string{row.Traceparent}
	}
	return &nats.Msg{Subject: row.Subject, Header: h, Data: row.Data}
}

// decode reads an event and refuses whatever isn't exactly what message writes. That type and subject must agree keeps a message
// that found its way into another stream from being taken for one of that stream's.
func decode(subject string, h nats.Header, data []byte) (Event, error) {
	e := Event{
		ID: h.Get(headerID), Type: h.Get(headerType), Source: h.Get(headerSource), User: h.Get(headerSubject),
		Traceparent: h.Get(headerTraceparent), Subject: subject, Data: data,
	}
	for _, check := range []func(*Event, nats.Header) string{single, envelope, origin, moment} {
		if problem := check(&e, h); problem != "" {
			return Event{}, fmt.Errorf("%w: %s", ErrInvalidEvent, problem)
		}
	}
	return e, nil
}

// single refuses repeated and overlong headers: two readers could disagree about them.
func single(_ *Event, h nats.Header) string {
	for _, name := range []string{
		headerSpecVersion, headerID, headerSource, headerType, headerTime, headerSubject, headerContentType, headerUserVersion, headerTraceparent,
	} {
		if values := h[name]; len(values) > 1 || (len(values) == 1 && len(values[0]) > maxHeader) {
			return name + " is repeated or too long"
		}
	}
	return ""
}

func envelope(e *Event, h nats.Header) string {
	switch {
	case h.Get(headerSpecVersion) != specVersion:
		return headerSpecVersion + " isn't " + specVersion
	case h.Get(headerContentType) != contentType:
		return headerContentType + " isn't " + contentType
	case e.ID == "":
		return headerID + " is missing"
	case e.Type != TypeOf(e.Subject):
		return headerType + " doesn't belong to the subject"
	}
	return ""
}

// origin checks that the source is the one writer of the stream the subject belongs to.
func origin(e *Event, _ nats.Header) string {
	name, err := StreamOf(e.Subject)
	if err != nil {
		return "no stream of ours takes the subject"
	}
	for _, s := range Streams() {
		if s.Name == name && s.Writer != "" && string(s.Writer) == e.Source {
			return ""
		}
	}
	return headerSource + " doesn't write to this stream"
}

func moment(e *Event, h nats.Header) string {
	var err error
	e.Time, err = time.Parse(time.RFC3339Nano, h.Get(headerTime))
	if year := e.Time.UTC().Year(); err != nil || year < 1 || year > 9999 { // which a zone can lead out of, and RFC 3339 can't write
		return headerTime + " isn't a time"
	}
	version := h.Get(headerUserVersion)
	if version == "" {
		return ""
	}
	if e.UserVersion, err = strconv.ParseUint(version, 10, 64); err != nil || e.UserVersion == 0 {
		return headerUserVersion + " isn't a version"
	}
	return ""
}
