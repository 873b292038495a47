package flow

import (
	"net/netip"
	"time"

	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/id"
)

// Actor is who asks for a change that is audited.
type Actor struct {
	audit.Actor
	// Network is where the call came from.
	Network netip.Addr
	// Authority is what allowed it, such as a scope.
	Authority string
	// RequestID finds the call in the log.
	RequestID string
}

// record is the audit record of a change that the actor made.
func (a Actor) record(now time.Time, action, kind, target, reason string) audit.Record {
	return audit.Record{
		ID:        id.New("aud", now),
		At:        now,
		Actor:     a.Actor,
		Action:    action,
		Target:    audit.Target{Kind: kind, ID: target},
		Network:   a.Network,
		Authority: a.Authority,
		Reason:    reason,
		Outcome:   audit.Done,
		RequestID: a.RequestID,
	}
}
