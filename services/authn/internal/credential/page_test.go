package credential_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestTheNamesOfProblemsAreDocumented holds docs/errors.md to the names: it has each of them and no other.
func TestTheNamesOfProblemsAreDocumented(t *testing.T) {
	page, err := os.ReadFile("../../../../docs/errors.md")
	if err != nil {
		t.Fatal(err)
	}
	var documented []string
	for _, row := range regexp.MustCompile("(?m)^\\| `(PASSWORD_[A-Z_]+)` \\|[^|]+\\|[^|]+\\|$").FindAllStringSubmatch(string(page), -1) {
		documented = append(documented, row[1])
	}
	var want []string
	for _, name := range append(constants(t, "problem.go", "Name"), constants(t, "../strength/estimate.go", "Weakness")...) {
		want = append(want, "PASSWORD_"+strings.ToUpper(name))
	}
	slices.Sort(documented)
	slices.Sort(want)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("names (-the code's +docs/errors.md's):\n%s", diff)
	}
}

// constants are the values of a file's constants of a type. The names are no list in the code that somebody could forget to add one to.
func constants(t *testing.T, path, of string) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	var values []string
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || len(spec.Values) != 1 {
			return true
		}
		if typed, ok := spec.Type.(*ast.Ident); !ok || typed.Name != of {
			return true
		}
		if literal, ok := spec.Values[0].(*ast.BasicLit); ok {
			text, err := strconv.Unquote(literal.Value)
			if err != nil {
				t.Fatal(err)
			}
			values = append(values, text)
		}
		return true
	})
	if len(values) == 0 {
		t.Fatalf("%s has no constants of type %s: nothing was looked at", path, of)
	}
	return values
}
