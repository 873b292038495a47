package audit

import (
	"net/netip"
	"time"
)

// ActorKind says as what somebody acted.
type ActorKind string

// The kinds of actor.
const (
	// User is an end user, proven by a session or by what was sent to them.
	User ActorKind = "user"
	// Application is an application's backend, proven by its API key.
	Application ActorKind = "application"
	// Operator is somebody who runs the suite.
	Operator ActorKind = "operator"
	// Service is another service of the suite, proven by its certificate.
	Service ActorKind = "service"
	// System is the service itself: an expiry, a rotation.
	System ActorKind = "system"
)

// Outcome says how the action ended.
type Outcome string

// The outcomes.
const (
	// Done means that the change was made.
	Done Outcome = "done"
	// Refused means that the rules didn't allow it.
	Refused Outcome = "refused"
	// Failed means that it was allowed and couldn't be made.
	Failed Outcome = "failed"
)

// Actor is who did it.
type Actor struct {
	Kind ActorKind `json:"kind"`
	// ID is the actor's id: usr_…, app_…, or a service's name.
	ID string `json:"id"`
	// Name is for people, as it was at the time; may be empty. For a user it
	// isn't an address: records outlive the erasure of a user.
	Name string `json:"name,omitempty"`
}

// Target is whom or what it was done to. Both fields are empty when the target
// is the service itself, as with its policy.
type Target struct {
	// Kind is what the id names: user, session, device, application.
	Kind string `json:"kind,omitempty"`
	ID   string `json:"id,omitempty"`
}

// Record is one action. JSON is how it is stored and exported; a field's name
// never changes its meaning.
type Record struct {
	// ID is unique and orders by time (internal/id); pages go by it.
	ID string `json:"id"`
	// Sequence is this record's place among all records of its store, from 1. The
	// store assigns it: it is 0 in a record that is appended.
	Sequence uint64 `json:"sequence"`
	// At is when it happened.
	At time.Time `json:"at"`
	// Actor is who did it.
	Actor Actor `json:"actor"`
	// Action is what was done, in the words of the events: session.revoke.
	Action string `json:"action"`
	// Target is whom it was done to.
	Target Target `json:"target"`
	// Network is the IP address it came from; the zero value where there is none.
	Network netip.Addr `json:"network"`
	// Authority is what allowed it: a scope, a role, a contain-token, a schedule.
	Authority string `json:"authority,omitempty"`
	// Reason is why, as the actor gave it; may be empty.
	Reason string `json:"reason,omitempty"`
	// Outcome is how it ended.
	Outcome Outcome `json:"outcome"`
	// Detail holds what else a reader needs, by name; see Details.
	Detail map[string]string `json:"detail,omitempty"`
	// RequestID finds the request in logs and traces; empty when there was none.
	RequestID string `json:"request_id,omitempty"`
}
