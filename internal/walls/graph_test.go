package walls

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// heavy names the modules that the services or their tests are built with and an application must not inherit.
// cel.dev/expr isn't among them: gRPC itself lists that module, which holds a few message types and no evaluator.
var heavy = []string{
	"cel.dev/cel-go",
	"github.com/alecthomas/kong",
	"github.com/chromedp/chromedp",
	"github.com/emersion/go-smtp",
	"github.com/google/cel-go",
	"github.com/jackc/pgx",
	"github.com/knadh/koanf",
	"github.com/nats-io/nats-server",
	"github.com/prometheus/client_golang",
	"buf.build/go/protovalidate",
	"go.etcd.io/bbolt",
	"go.opentelemetry.io/contrib/instrumentation",
	"go.opentelemetry.io/otel/exporters",
	"go.opentelemetry.io/proto",
}

// TestSDKGraphIsLight builds the module graph of an application that has nothing but the SDK, and looks for what the
// services are made of. An application's go.mod picks versions for the whole graph, so a module in it is felt even when
// none of its packages is imported.
func TestSDKGraphIsLight(t *testing.T) {
	application := t.TempDir()
	writeApplication(t, application, sdkPackages(t))

	// The application's own requirements and sums are written by go itself, as `go get` would.
	env := []string{"GOFLAGS=-mod=mod", "GOWORK=off"}
	goCommand(t, application, env, "list", "-deps", "./...")
	graph := strings.Fields(string(goCommand(t, application, env, "list", "-m", "-f", "{{.Path}}", "all")))

	if !slices.Contains(graph, modulePath+"/sdk") {
		t.Fatalf("the graph doesn't hold the SDK, so it shows nothing: %v", graph)
	}
	for _, module := range graph {
		if under(module, heavy...) {
			t.Errorf("an application that imports the SDK gets %s\n%s", module,
				goCommand(t, application, env, "mod", "why", "-m", module))
		}
	}
	if slices.Contains(graph, modulePath) {
		t.Error("an application that imports the SDK gets the root module, and with it every service's dependencies")
	}
}

// sdkPackages lists the SDK's packages that an application could import.
func sdkPackages(t *testing.T) []string {
	t.Helper()
	listed := strings.Fields(string(goCommand(t, "../../sdk", nil, "list", "-f", "{{.ImportPath}} {{.Name}}", "./...")))
	var paths []string
	for pair := range slices.Chunk(listed, 2) {
		if path, name := pair[0], pair[1]; name != "main" && !strings.Contains(path, "/internal/") {
			paths = append(paths, path)
		}
	}
	return paths
}

// writeApplication writes a module whose one file imports the packages.
func writeApplication(t *testing.T, dir string, packages []string) {
	t.Helper()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	module := fmt.Sprintf(`module example.test/application

go 1.26.0

require %[1]s/sdk v0.0.0

replace (
	%[1]s/gen => %[2]s/gen
	%[1]s/sdk => %[2]s/sdk
)
`, modulePath, root)

	var source strings.Builder
	source.WriteString("package main\n\n")
	for _, path := range packages {
		fmt.Fprintf(&source, "import _ %q\n", path)
	}
	source.WriteString("\nfunc main() {}\n")

	// The sums that our own modules already trust, so that nothing has to be looked up again.
	var sums bytes.Buffer
	for _, name := range []string{"go.sum", "gen/go.sum", "sdk/go.sum"} {
		content, err := os.ReadFile(filepath.Join(root, name))
		if err != nil && !os.IsNotExist(err) {
			t.Fatal(err)
		}
		sums.Write(content)
	}

	for name, content := range map[string]string{
		"go.mod":  module,
		"go.sum":  sums.String(),
		"main.go": source.String(),
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}
