package api

import (
	"context"
	"net/netip"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

var (
	errClientMissing = fault.New(fault.Invalid, typev1.Reason_REASON_CLIENT_CONTEXT_MISSING,
		"Say for whom you call: fill the client context with the end user's address and headers.")
	errCallerUnknown = fault.New(fault.Internal, typev1.Reason_REASON_INTERNAL,
		"Something failed on our side. Try again; if it persists, give the operator the request id.")
	errInvalidField = fault.New(fault.Invalid, typev1.Reason_REASON_INVALID_FIELD,
		"Some fields of the request break their rules: correct those that BadRequest names.")
)

// speaker is an application with the end user that it speaks for.
type speaker struct {
	applicationID string
	client        flow.Client
}

// applicationOf is the application that calls.
func applicationOf(ctx context.Context) (string, error) {
	caller, ok := access.FromContext(ctx)
	if !ok || caller.ApplicationID == "" {
		return "", errCallerUnknown
	}
	return caller.ApplicationID, nil
}

// speakerOf reads both, and refuses when either is missing: an attempt without them would be bound to nothing.
func speakerOf(ctx context.Context, c *typev1.ClientContext) (speaker, error) {
	applicationID, err := applicationOf(ctx)
	if err != nil {
		return speaker{}, err
	}
	ip, err := netip.ParseAddr(c.GetIp())
	if err != nil {
		return speaker{}, errClientMissing
	}
	return speaker{
		applicationID: applicationID,
		client: flow.Client{
			// One spelling per address, and without the zone, which may be any text and would reach the owner in a mail.
			IP:           ip.Unmap().WithZone("").String(),
			UserAgent:    c.GetUserAgent(),
			Language:     c.GetAcceptLanguage(),
			DeviceSecret: secret.Wrap(c.GetDeviceSecret()),
			Solution:     secret.Wrap(c.GetChallengeSolution()),
		},
	}, nil
}

// actorKinds are the callers that may make a change which is audited.
var actorKinds = map[access.Callers]audit.ActorKind{
	access.Application: audit.Application,
	access.Operator:    audit.Operator,
	access.Service:     audit.Service,
	access.User:        audit.User,
}

// actorOf is who asks for a change, for its audit record.
func actorOf(ctx context.Context) (flow.Actor, error) {
	caller, ok := access.FromContext(ctx)
	kind, known := actorKinds[caller.Kind]
	if !ok || !known {
		return flow.Actor{}, errCallerUnknown
	}
	return flow.Actor{
		Actor:     audit.Actor{Kind: kind, ID: caller.ID, Name: caller.Name},
		Network:   caller.Peer,
		Authority: caller.Authority(),
		RequestID: telemetry.RequestID(ctx),
	}, nil
}
