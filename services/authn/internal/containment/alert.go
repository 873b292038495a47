package containment

import (
	"time"

	"github.com/doorward/doorward/internal/secret"
)

// Kind is what an alert tells of.
type Kind string

// The kinds.
const (
	// NewDevice: a sign-in on a device that wasn't known. It can be contained.
	NewDevice Kind = "new_device"
	// Contained: the confirmation that a containment took effect. It can't.
	Contained Kind = "contained"
	// Abandoned: a right password without a session. There is none to end, so it can't either.
	Abandoned Kind = "abandoned"
)

// Alert is an event that the account's owner is told of.
type Alert struct {
	// EventID is the event's, and the alert's own.
	EventID string
	// Kind is what it tells of.
	Kind Kind
	// UserID, SessionID and DeviceID are whom and what it is about.
	UserID, SessionID, DeviceID string
	// At is when it happened.
	At time.Time
	// Result is what a containment did; nil while there was none.
	Result *Result
}

// Result is what a containment did, kept so that a repeat answers the same.
type Result struct {
	// At is when it took effect, EventID the event that told of it.
	At      time.Time
	EventID string
	// Sessions and Devices are those that were ended and untrusted.
	Sessions, Devices []string
}

// Token is the contain-token of an event for an address: it can be made again after a crash, so nobody needs to store it.
func Token(key secret.Key, eventID, canonical string) secret.Text {
	return secret.FromBytes("cnt", key.MAC("authn/contain-token/v1", []byte(eventID), []byte(canonical)))
}

// Genuine says, in constant time, whether a token is the one of this event and address.
func Genuine(key secret.Key, eventID, canonical string, presented secret.Text) bool {
	return Token(key, eventID, canonical).Equal(presented)
}
