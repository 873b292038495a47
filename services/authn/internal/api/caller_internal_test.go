package api

import (
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/access"
	"github.com/doorward/doorward/internal/audit"
	"github.com/doorward/doorward/internal/fault"
	"github.com/doorward/doorward/internal/telemetry"
	"github.com/doorward/doorward/services/authn/internal/flow"
)

func TestNobodySpeaksForNobody(t *testing.T) {
	app := access.Principal{Kind: access.Application, ID: "app_1", ApplicationID: "app_1"}
	user := &typev1.ClientContext{Ip: "192.0.2.1"}
	tests := map[string]struct {
		caller *access.Principal
		client *typev1.ClientContext
		want   typev1.Reason
	}{
		"no client context":             {&app, nil, typev1.Reason_REASON_CLIENT_CONTEXT_MISSING},
		"a client context without a ip": {&app, &typev1.ClientContext{UserAgent: "curl"}, typev1.Reason_REASON_CLIENT_CONTEXT_MISSING},
		"an ip that isn't one":          {&app, &typev1.ClientContext{Ip: "owner"}, typev1.Reason_REASON_CLIENT_CONTEXT_MISSING},
		"a call that met no table":      {nil, user, typev1.Reason_REASON_INTERNAL},
		"a caller that's no application": {
			&access.Principal{Kind: access.Service, ID: "notify"}, user, typev1.Reason_REASON_INTERNAL,
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if c.caller != nil {
				ctx = access.NewContext(ctx, *c.caller)
			}
			got, err := speakerOf(ctx, c.client)
			if fault.ReasonOf(err) != c.want || got != (speaker{}) {
				t.Errorf("speakerOf = %v, %v; want %v", got, err, c.want)
			}
		})
	}
}

// TestAnAddressHasOneSpellingAndNoText: the zone of an IPv6 address passes the contract's rule whatever it says.
func TestAnAddressHasOneSpellingAndNoText(t *testing.T) {
	ctx := access.NewContext(t.Context(), access.Principal{Kind: access.Application, ID: "app_1", ApplicationID: "app_1"})
	for given, want := range map[string]string{
		"192.0.2.1":                           "192.0.2.1",
		"::ffff:192.0.2.1":                    "192.0.2.1",
		"2001:DB8:0::1":                       "2001:db8::1",
		"2001:db8::1%it was you, no need":     "2001:db8::1",
		"fe80::1%" + strings.Repeat("a", 9e3): "fe80::1",
	} {
		if got, err := speakerOf(ctx, &typev1.ClientContext{Ip: given}); err != nil || got.client.IP != want {
			t.Errorf("%.40s… is kept as %.40q, %v; want %q", given, got.client.IP, err, want)
		}
	}
}

func TestActorsAreNamedWithTheirAuthority(t *testing.T) {
	peer := netip.MustParseAddr("192.0.2.7")
	tests := map[string]struct {
		caller access.Principal
		want   flow.Actor
	}{
		"an operator's key": {
			access.Principal{Kind: access.Operator, ID: "app_1", Name: "app_1", APIKeyID: "key_1", Peer: peer},
			flow.Actor{
				Actor: audit.Actor{Kind: audit.Operator, ID: "app_1", Name: "app_1"}, Network: peer,
				Authority: "API key key_1 with the scope operator", RequestID: "req_1",
			},
		},
		"an operator's certificate": {
			access.Principal{Kind: access.Operator, ID: "operator", Name: "operator", Peer: peer},
			flow.Actor{
				Actor: audit.Actor{Kind: audit.Operator, ID: "operator", Name: "operator"}, Network: peer,
				Authority: "certificate of operator", RequestID: "req_1",
			},
		},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			ctx := telemetry.WithRequestID(access.NewContext(t.Context(), c.caller), "req_1")
			got, err := actorOf(ctx)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmpopts.EquateComparable(netip.Addr{})); diff != "" {
				t.Errorf("actor (-want +got):\n%s", diff)
			}
		})
	}
	for _, kind := range []access.Callers{0, access.Public, access.Public | access.Operator} {
		if got, err := actorOf(access.NewContext(t.Context(), access.Principal{Kind: kind, ID: "x"})); err == nil {
			t.Errorf("a caller of kind %v acts as %v", kind, got)
		}
	}
}
