package walls

import (
	"regexp"
	"slices"
	"strings"
)

// rule forbids imports. Paths of ours begin with "./".
type rule struct {
	name string
	why  string
	// from says which packages the rule binds.
	from func(path string) bool
	// denies says whether such a package must not reach an import.
	denies func(from, imp string) bool
	// through follows imports through our own packages, so that nothing is reached by a detour.
	through bool
	// tests binds the package's own _test.go files too.
	tests bool
}

// layer is a floor of a service's house. A package may import its own floor and those below.
type layer int

const (
	domain layer = iota
	store
	backend // an implementation of store: only the service's own package picks one
	flow
	api
	service // the service's own package
)

// layers names the packages below a service's internal folder that aren't domain, by their first element. Those at api's
// height that convert something else than proto, such as messages, are edges: add them here and say what they convert.
var layers = map[string]layer{
	"api":        api,
	"riskclient": api, // authn's questions to risk
	"commands":   api, // commands from the bus
	"feed":       api, // authn's events, for risk
	"intake":     api, // authn's events and sealed mails, for notify
	"flow":       flow,
	"store":      store,
}

// portalPath is the one service without layers: it has pages and cookies, and neither domain nor store.
const portalPath = "./services/portal"

var rules = []rule{{
	name:   "a service's imports go down: api → flow → store → domain",
	why:    "the rules of the domain must be readable and testable without whatever calls them",
	from:   inLayers,
	denies: goesUp,
}, {
	name:   "only the service's own package picks a store's backend",
	why:    "a use case that knows its database can't be run on another",
	from:   func(path string) bool { return inLayers(path) && layerOf(path) != backend && layerOf(path) < service },
	denies: func(from, imp string) bool { return sameService(from, imp) && layerOf(imp) == backend },
}, {
	name:   "api reaches the store through flow",
	why:    "a handler converts and delegates; transactions belong to use cases",
	from:   func(path string) bool { return inLayers(path) && layerOf(path) == api },
	denies: func(from, imp string) bool { return sameService(from, imp) && layerOf(imp) == store },
}, {
	name: "the domain does no I/O and knows no proto",
	why:  "its rules are tested with no server, no store and no wire",
	from: func(path string) bool { return inLayers(path) && layerOf(path) == domain && !isTestPackage(path) },
	denies: func(_, imp string) bool {
		return under(imp, "./gen", "google.golang.org/grpc", "github.com/nats-io", "go.etcd.io/bbolt",
			"github.com/jackc/pgx", "database/sql", "net/http")
	},
	through: true,
}, {
	name: "flow knows no transport and no database",
	why:  "the same use case is called from gRPC, from a message and from a test",
	from: func(path string) bool { return inLayers(path) && layerOf(path) == flow },
	denies: func(_, imp string) bool {
		return under(imp, "google.golang.org/grpc", "github.com/nats-io", "go.etcd.io/bbolt", "github.com/jackc/pgx",
			"database/sql", "net/http")
	},
}, {
	name: "no service imports another",
	why:  "services meet over gRPC and NATS, so that each can be run, replaced and reasoned about alone",
	from: func(path string) bool { return under(path, "./services") },
	denies: func(from, imp string) bool {
		return under(imp, "./services") && !sameService(from, imp)
	},
	through: true,
	tests:   true,
}, {
	name: "the portal speaks gRPC only",
	why:  "it must be able to do nothing that another backend couldn't",
	from: func(path string) bool { return under(path, portalPath) },
	denies: func(_, imp string) bool {
		return under(imp, "github.com/nats-io", "go.etcd.io/bbolt", "github.com/jackc/pgx", "database/sql",
			"./internal/boltdb", "./internal/bus", "./internal/outbox")
	},
	through: true,
}, {
	name:   "nothing imports cmd",
	why:    "commands are where the process is put together; nothing stands on them",
	from:   func(path string) bool { return !under(path, "./cmd") },
	denies: func(_, imp string) bool { return under(imp, "./cmd") },
	tests:  true,
}, {
	name:   "shared packages know no service",
	why:    "what knows one service is that service's",
	from:   func(path string) bool { return under(path, "./internal") },
	denies: func(_, imp string) bool { return under(imp, "./services", "./cmd", "./examples", "./test") },
	tests:  true,
}, {
	name:   "the SDK imports the contract and public libraries only",
	why:    "every application that imports it inherits what it imports",
	from:   func(path string) bool { return under(path, "./sdk") },
	denies: func(_, imp string) bool { return !sdkMay(imp) },
}, {
	name:   "the SDK's own tests stay light",
	why:    "a module's tests are part of its requirements; tests with real servers live in test/",
	from:   func(path string) bool { return under(path, "./sdk") },
	denies: func(_, imp string) bool { return !sdkMay(imp) && !under(imp, "github.com/google/go-cmp") },
	tests:  true,
}, {
	name:   "generated code stands alone",
	why:    "applications import it without us",
	from:   func(path string) bool { return under(path, "./gen") },
	denies: func(_, imp string) bool { return under(imp, ".") && !under(imp, "./gen") },
}, {
	name: "traces leave through one door",
	why:  "what a span may say when it leaves is one list, and nothing sets OpenTelemetry's globals",
	from: func(path string) bool {
		return !under(path, "./cmd", "./internal/telemetry/otlp") && !isTestPackage(path)
	},
	denies: func(_, imp string) bool {
		return under(imp, "./internal/telemetry/otlp", "go.opentelemetry.io/otel/sdk", "go.opentelemetry.io/otel/exporters") ||
			imp == "go.opentelemetry.io/otel"
	},
}, {
	name:   "test code doesn't ship",
	why:    "fakes and fixtures must not be reachable in a running service",
	from:   func(path string) bool { return !isTestPackage(path) },
	denies: func(_, imp string) bool { return under(imp, ".") && isTestPackage(imp) },
}}

// inLayers says whether a package belongs to a service that has layers. Programs that make data aren't part of one.
func inLayers(path string) bool {
	return under(path, "./services") && !under(path, portalPath) && !strings.HasSuffix(path, "/gendata")
}

var servicePath = regexp.MustCompile(`^\./services/([^/]+)(?:/internal/([^/]+)(?:/([^/]+))?)?`)

// layerOf places a package of a service.
func layerOf(path string) layer {
	parts := servicePath.FindStringSubmatch(path)
	switch {
	case parts[2] == "":
		return service
	case parts[2] == "store" && strings.HasSuffix(parts[3], "store"):
		return backend
	default:
		return layers[parts[2]]
	}
}

// goesUp says whether an import inside one service leads to a higher floor.
func goesUp(from, imp string) bool {
	return sameService(from, imp) && layerOf(imp) > layerOf(from)
}

func sameService(a, b string) bool {
	first, second := servicePath.FindStringSubmatch(a), servicePath.FindStringSubmatch(b)
	return first != nil && second != nil && first[1] == second[1]
}

// under says whether a path is one of the folders or lies below it.
func under(path string, folders ...string) bool {
	return slices.ContainsFunc(folders, func(folder string) bool {
		return path == folder || strings.HasPrefix(path, folder+"/")
	})
}

// isTestPackage says whether a package holds test code: test/, testkit, and those whose name ends in "test", such as
// storetest.
func isTestPackage(path string) bool {
	return under(path, "./test", "./internal/testkit") || strings.HasSuffix(path, "test")
}

// sdkMay says whether the SDK may import a package: its own, the contract, the standard library, and these.
func sdkMay(imp string) bool {
	return under(imp, "./sdk", "./gen", "google.golang.org/grpc", "google.golang.org/protobuf", "google.golang.org/genproto",
		"github.com/nats-io/nats.go", "github.com/nats-io/nkeys", "github.com/golang-jwt/jwt", "golang.org/x") ||
		isStandard(imp)
}

// isStandard says whether a path is the standard library's: its first element has no dot.
func isStandard(imp string) bool {
	first, _, _ := strings.Cut(imp, "/")
	return !strings.Contains(first, ".")
}
