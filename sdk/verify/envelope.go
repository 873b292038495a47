package verify

import (
	"strings"
	"time"
)

// The headers of CloudEvents 1.0 in NATS binary mode, as authn writes them. The package's comment says why they are demanded.
const (
	headerSpecVersion = "ce-specversion"
	headerID          = "ce-id"
	headerSource      = "ce-source"
	headerType        = "ce-type"
	headerTime        = "ce-time"
	headerContentType = "ce-datacontenttype"

	// maxHeader bounds each value that is read.
	maxHeader = 256
)

// kind is what a message of the stream tells.
type kind int

const (
	unknownKind kind = iota // of a newer authn, perhaps
	sessionKind
	keyKind
	heartbeatKind
)

// eventTypes are the ce-type that belongs to each kind.
var eventTypes = map[kind]string{
	sessionKind:   "revocation.session.v1",
	keyKind:       "revocation.signing_key.v1",
	heartbeatKind: "revocation.heartbeat.v1",
}

// kindOf reads a subject: what it tells, and of which session or key.
func kindOf(subject string) (kind, string) {
	if id, ok := strings.CutPrefix(subject, sessionSubject); ok && id != "" {
		return sessionKind, id
	}
	if id, ok := strings.CutPrefix(subject, keySubject); ok && id != "" {
		return keyKind, id
	}
	if subject == heartbeatSubject {
		return heartbeatKind, ""
	}
	return unknownKind, ""
}

// flaw says what is wrong with the headers of a message of the kind; empty when they are authn's. Whoever may ask NATS for anything can have it
// write its own answers and idle heartbeats to any subject: those have none of these headers. What NATS copies from elsewhere has another type.
func flaw(k kind, header map[string][]string) string {
	for _, name := range []string{headerSpecVersion, headerID, headerSource, headerType, headerTime, headerContentType} {
		if values := header[name]; len(values) != 1 || values[0] == "" || len(values[0]) > maxHeader {
			return name + " isn't there once"
		}
	}
	for name, want := range map[string]string{
		headerSpecVersion: "1.0", headerSource: "authn", headerType: eventTypes[k], headerContentType: "application/protobuf",
	} {
		if header[name][0] != want {
			return name + " isn't " + want
		}
	}
	if _, err := time.Parse(time.RFC3339Nano, header[headerTime][0]); err != nil {
		return headerTime + " isn't a time"
	}
	return ""
}
