package access

import (
	"context"
	"log/slog"
	"math/bits"
	"net/netip"
	"slices"
	"strings"
)

// Callers is a set of caller kinds. A Principal has exactly one of them.
type Callers uint8

// The kinds of caller.
const (
	// Public is a caller that showed no credentials.
	Public Callers = 1 << iota
	// Application is a backend with an API key.
	Application
	// Operator is a person or tool that runs the deployment.
	Operator
	// Service is another service of the suite, known by its mTLS certificate's name.
	Service
	// User is a signed-in user, whose session token an application forwards.
	User
)

var callerNames = []struct {
	caller Callers
	name   string
}{
	{Public, "public"}, {Application, "application"}, {Operator, "operator"}, {Service, "service"}, {User, "user"},
}

// String names the kinds in the set.
func (c Callers) String() string {
	var names []string
	for _, n := range callerNames {
		if c&n.caller != 0 {
			names = append(names, n.name)
		}
	}
	if len(names) == 0 {
		return "nobody"
	}
	return strings.Join(names, "|")
}

// everybody is the set of all kinds.
const everybody = Public | Application | Operator | Service | User

// has reports whether the one kind k is in the set. No kind, several at once and
// an unknown one are in no set.
func (c Callers) has(k Callers) bool { return k.one() && c&k != 0 }

func (c Callers) one() bool { return c&everybody == c && bits.OnesCount8(uint8(c)) == 1 }

// Principal is the caller of one call, as the authenticator found it. The zero
// Principal is nobody, and may call nothing, not even what is public.
type Principal struct {
	Kind Callers
	// ID is the application's, user's or operator's id, or the service's name.
	ID string
	// Name is what an operator reads in a log or an audit record.
	Name string
	// Scopes are what the application's API key allows. For a User they are
	// those of the application that forwards the token.
	Scopes []string
	// ApplicationID is the application through which the call came; empty for services.
	ApplicationID string
	// APIKeyID is the id of the API key that was shown, not the key.
	APIKeyID string
	// SessionID is the session of a User or of an Operator who signed in.
	SessionID string
	// Certificate is the name in the certificate that the caller connected with;
	// empty without one, whatever else was shown.
	Certificate string
	// Peer is the address the connection came from: a backend's, not a user's.
	Peer netip.Addr
}

var _ slog.LogValuer = Principal{}

// HasScope reports whether the principal's API key allows scope.
func (p Principal) HasScope(scope string) bool { return slices.Contains(p.Scopes, scope) }

// Authority is what let the principal in, in the words of the audit records: the API key that it showed, or its certificate.
func (p Principal) Authority() string {
	switch {
	case p.APIKeyID == "":
		return "certificate of " + p.ID
	case p.Kind == Operator:
		return "API key " + p.APIKeyID + " with the scope operator"
	default:
		return "API key " + p.APIKeyID
	}
}

// LogValue writes who it is; nothing in it is secret.
func (p Principal) LogValue() slog.Value {
	attrs := []slog.Attr{slog.String("kind", p.Kind.String()), slog.String("id", p.ID)}
	if p.APIKeyID != "" {
		attrs = append(attrs, slog.String("api_key_id", p.APIKeyID))
	}
	if p.Peer.IsValid() {
		attrs = append(attrs, slog.String("peer", p.Peer.String()))
	}
	return slog.GroupValue(attrs...)
}

type principalKey struct{}

// NewContext returns a context that carries the caller. Package rpc calls it, and
// tests of use cases.
func NewContext(ctx context.Context, p Principal) context.Context {
	return context.WithValue(ctx, principalKey{}, p)
}

// FromContext gives the caller, and false when the call never passed the table.
func FromContext(ctx context.Context) (Principal, bool) {
	p, ok := ctx.Value(principalKey{}).(Principal)
	return p, ok
}
