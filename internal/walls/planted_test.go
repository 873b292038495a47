package walls

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestEveryWallHolds plants one breach after another in a made-up repository: a rule that refuses nothing is no rule.
func TestEveryWallHolds(t *testing.T) {
	tests := []struct {
		name string
		all  []pkg
		want []string // names of the rules broken; empty for what is allowed
	}{{
		name: "a service as it should be",
		all: []pkg{
			{ImportPath: "./cmd/doorward", Imports: []string{"./services/authn"}},
			{ImportPath: "./services/authn", Imports: []string{
				"./services/authn/internal/api", "./services/authn/internal/flow", "./services/authn/internal/store/boltstore"}},
			{ImportPath: "./services/authn/internal/api", Imports: []string{
				"./gen/doorward/authn/v1", "google.golang.org/grpc", "./services/authn/internal/flow", "./services/authn/internal/session"}},
			{ImportPath: "./services/authn/internal/flow", Imports: []string{
				"./services/authn/internal/store", "./services/authn/internal/session"}},
			{ImportPath: "./services/authn/internal/store", Imports: []string{"./services/authn/internal/session"}},
			{ImportPath: "./services/authn/internal/store/boltstore",
				Imports:     []string{"go.etcd.io/bbolt", "./services/authn/internal/store"},
				TestImports: []string{"./services/authn/internal/store/storetest"}},
			{ImportPath: "./services/authn/internal/store/storetest", Imports: []string{"./services/authn/internal/store", "testing"}},
			{ImportPath: "./services/authn/internal/session", Imports: []string{"time", "./internal/secret"}},
			{ImportPath: "./internal/secret"},
		},
	}, {
		name: "the domain calls a use case",
		all:  []pkg{{ImportPath: "./services/authn/internal/session", Imports: []string{"./services/authn/internal/flow"}}},
		want: []string{"a service's imports go down: api → flow → store → domain"},
	}, {
		name: "a use case opens a database",
		all:  []pkg{{ImportPath: "./services/authn/internal/flow", Imports: []string{"./services/authn/internal/store/boltstore"}}},
		want: []string{"only the service's own package picks a store's backend"},
	}, {
		name: "a use case answers gRPC",
		all:  []pkg{{ImportPath: "./services/risk/internal/flow", Imports: []string{"google.golang.org/grpc/status"}}},
		want: []string{"flow knows no transport and no database"},
	}, {
		name: "a handler opens a transaction",
		all:  []pkg{{ImportPath: "./services/authn/internal/api", Imports: []string{"./services/authn/internal/store"}}},
		want: []string{"api reaches the store through flow"},
	}, {
		name: "the domain takes a proto",
		all:  []pkg{{ImportPath: "./services/risk/internal/score", Imports: []string{"./gen/doorward/risk/v1"}}},
		want: []string{"the domain does no I/O and knows no proto"},
	}, {
		name: "the domain reaches the network by a detour",
		all: []pkg{
			{ImportPath: "./services/risk/internal/score", Imports: []string{"./internal/fetch"}},
			{ImportPath: "./internal/fetch", Imports: []string{"net/http"}},
		},
		want: []string{"the domain does no I/O and knows no proto"},
	}, {
		name: "a service's test calls another service",
		all:  []pkg{{ImportPath: "./services/authn", XTestImports: []string{"./services/risk"}}},
		want: []string{"no service imports another"},
	}, {
		name: "the portal imports a service",
		all:  []pkg{{ImportPath: "./services/portal", Imports: []string{"./services/notify"}}},
		want: []string{"no service imports another"},
	}, {
		name: "the portal reads the bus by a detour",
		all: []pkg{
			{ImportPath: "./services/portal/internal/page", Imports: []string{"./internal/feed"}},
			{ImportPath: "./internal/feed", Imports: []string{"github.com/nats-io/nats.go"}},
		},
		want: []string{"the portal speaks gRPC only"},
	}, {
		name: "an end-to-end test imports a command",
		all:  []pkg{{ImportPath: "./test/e2e", TestImports: []string{"./cmd/doorward"}}},
		want: []string{"nothing imports cmd"},
	}, {
		name: "a shared package knows a service",
		all:  []pkg{{ImportPath: "./internal/policy", TestImports: []string{"./services/authn"}}},
		want: []string{"shared packages know no service"},
	}, {
		name: "the SDK imports a shared package",
		all:  []pkg{{ImportPath: "./sdk/verify", Imports: []string{"./internal/secret"}}},
		want: []string{
			"the SDK imports the contract and public libraries only",
			"the SDK's own tests stay light",
		},
	}, {
		name: "the SDK's test starts a NATS server",
		all:  []pkg{{ImportPath: "./sdk/verify", XTestImports: []string{"github.com/nats-io/nats-server/v2/server"}}},
		want: []string{"the SDK's own tests stay light"},
	}, {
		name: "generated code imports ours",
		all:  []pkg{{ImportPath: "./gen/doorward/authn/v1", Imports: []string{"./internal/fault"}}},
		want: []string{"generated code stands alone"},
	}, {
		name: "a service sends its spans itself",
		all:  []pkg{{ImportPath: "./services/notify", Imports: []string{"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"}}},
		want: []string{"traces leave through one door"},
	}, {
		name: "a shared package finds the tracer in a global",
		all:  []pkg{{ImportPath: "./internal/bus", Imports: []string{"go.opentelemetry.io/otel"}}},
		want: []string{"traces leave through one door"},
	}, {
		name: "a service ships the test kit",
		all:  []pkg{{ImportPath: "./services/notify", Imports: []string{"./internal/testkit"}}},
		want: []string{"test code doesn't ship"},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			all := map[string]pkg{}
			for _, p := range tt.all {
				all[p.ImportPath] = p
			}
			var got []string
			for _, b := range breaches(all, rules) {
				got = append(got, b.rule.name)
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("rules broken (-want +got):\n%s", diff)
			}
		})
	}
}
