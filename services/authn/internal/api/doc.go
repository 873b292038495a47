// Package api is authn's contract over its use cases: it turns proto into the flows' words, and what they answer back into proto.
//
// It owns the tables between the contract's enums and the domain's, and the one check that a schema can't make: whoever speaks for an end
// user says for whom (CLIENT_CONTEXT_MISSING). It decides nothing else, opens no transaction and keeps no state. Who may call was settled
// by the access table before a handler runs; handlers read the caller from the context.
//
// What the domain can say and the contract can't is a bug: it ends as UNSPECIFIED or as INTERNAL, never as something that lets anybody in,
// and a test walks every value.
//
// Called by gRPC, through the server that authn's wiring builds.
package api

import (
	"context"
	"time"

	"google.golang.org/grpc"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	"github.com/doorward/doorward/services/authn/internal/flow"
	"github.com/doorward/doorward/services/authn/internal/tuning"
)

// Flows are the use cases behind the contract.
type Flows struct {
	Attempts     *flow.Attempts
	Sessions     *flow.Sessions
	Users        *flow.Users
	Imports      *flow.Imports
	Devices      *flow.Devices
	Alerts       *flow.Alerts
	Operators    *flow.Operators
	Keys         *flow.Keys
	Policies     *flow.Policies
	Restrictions *flow.Restrictions
	Invitations  *flow.Invitations
	// Policy answers with the policy in force.
	Policy func(context.Context) tuning.Policy
	Now    func() time.Time
}

// Register puts authn's services on a server.
func Register(server grpc.ServiceRegistrar, f Flows) {
	authnv1.RegisterAttemptServiceServer(server, &attempts{flow: f.Attempts})
	authnv1.RegisterSessionServiceServer(server, &sessions{flow: f.Sessions, now: f.Now})
	authnv1.RegisterKeyServiceServer(server, &keys{flow: f.Keys, policy: f.Policy})
	authnv1.RegisterUserServiceServer(server, &users{flow: f.Users, imports: f.Imports})
	authnv1.RegisterDeviceServiceServer(server, &devices{flow: f.Devices, now: f.Now})
	authnv1.RegisterAlertServiceServer(server, &alerts{flow: f.Alerts})
	authnv1.RegisterApplicationServiceServer(server, &applications{flow: f.Operators})
	authnv1.RegisterRestrictionServiceServer(server, &restrictions{flow: f.Restrictions, users: f.Users, now: f.Now})
	authnv1.RegisterInvitationServiceServer(server, &invitations{flow: f.Invitations, now: f.Now})
	authnv1.RegisterPolicyServiceServer(server, &policies{flow: f.Policies})
}
