package authn

import (
	"context"
	"strings"

	"google.golang.org/grpc/metadata"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/rpc"
	"github.com/doorward/doorward/internal/secret"
	"github.com/doorward/doorward/services/authn/internal/application"
)

// operatorName is the certificate name that makes an operator.
const operatorName = "operator"

var errCredentials = fault.New(fault.Unauthenticated, typev1.Reason_REASON_API_KEY_INVALID,
	"Send one API key in the metadata: authorization: Bearer <key>.")

// identify finds the key that a caller presents; flow.Callers has it.
type identify func(context.Context, secret.Text) (application.Key, error)

// authenticator finds out who calls:
//
//	a certificate of the suite    the service of that name; `operator` is an operator
//	else an API key               an operator when the key has that scope, else the key's application
//	neither                       the public
//
// A certificate goes first, and an API key beside it isn't looked at: nobody becomes more by showing more.
func authenticator(find identify) rpc.Authenticate {
	return func(ctx context.Context) (access.Principal, error) {
		if p, ok := rpc.ServicePrincipal(ctx); ok {
			if p.ID == operatorName {
				p.Kind = access.Operator
			}
			return p, nil
		}
		presented, ok, err := bearer(ctx)
		if err != nil {
			return access.Principal{}, err
		}
		if !ok {
			return access.Principal{Kind: access.Public}, nil
		}
		key, err := find(ctx, presented)
		if err != nil {
			return access.Principal{}, err
		}
		return principalOf(key), nil
	}
}

// principalOf is who a key's holder is. An operator's key is nothing else, whatever further scopes it has: who runs the deployment doesn't
// speak for its users.
func principalOf(key application.Key) access.Principal {
	p := access.Principal{
		Kind:          access.Application,
		ID:            key.ApplicationID,
		Name:          key.ApplicationID,
		ApplicationID: key.ApplicationID,
		APIKeyID:      key.ID,
	}
	for _, s := range key.Scopes {
		p.Scopes = append(p.Scopes, string(s))
	}
	if key.Allows(application.Operator) {
		p.Kind = access.Operator
	}
	return p
}

// bearer reads the API key; false when the call carries no credentials at all. What can't be read is refused and never taken for nothing.
func bearer(ctx context.Context) (presented secret.Text, ok bool, err error) {
	values := metadata.ValueFromIncomingContext(ctx, "authorization")
	if len(values) == 0 {
		return secret.Text{}, false, nil
	}
	scheme, text, found := strings.Cut(values[0], " ")
	if len(values) > 1 || !found || !strings.EqualFold(scheme, "Bearer") || text == "" {
		return secret.Text{}, false, errCredentials
	}
	return secret.Wrap(text), true, nil
}
