package fault_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
)

const (
	root       = "../.."
	errorsPage = root + "/docs/errors.md"
	contract   = root + "/proto/doorward/type/v1/reason.proto"
	inAttempt  = "in Attempt.refusal"
)

// codeNames are the codes as callers know them, by the name of a kind, or of a code in the SDK.
var codeNames = map[string]string{
	"Internal": "INTERNAL", "Invalid": "INVALID_ARGUMENT", "Unauthenticated": "UNAUTHENTICATED", "Denied": "PERMISSION_DENIED", "NotFound": "NOT_FOUND",
	"AlreadyExists": "ALREADY_EXISTS", "Precondition": "FAILED_PRECONDITION", "Aborted": "ABORTED", "Exhausted": "RESOURCE_EXHAUSTED",
	"ResourceExhausted": "RESOURCE_EXHAUSTED", "Unavailable": "UNAVAILABLE", "DeadlineExceeded": "DEADLINE_EXCEEDED", "Canceled": "CANCELLED",
	"Unimplemented": "UNIMPLEMENTED",
}

// TestReasonsAreDocumented holds docs/errors.md, and the comments of the contract, to the code: both have every reason that is given anywhere, with the
// codes that it is given with, and no other.
func TestReasonsAreDocumented(t *testing.T) {
	given := givenReasons(t)
	for value, name := range typev1.Reason_name {
		if value != 0 && len(given.codes[name]) == 0 {
			t.Errorf("%s is in the contract, and nobody gives it", name)
		}
	}
	want := map[string]string{}
	for name, codes := range given.codes {
		want[strings.TrimPrefix(name, "REASON_")] = strings.Join(slices.Sorted(maps.Keys(codes)), ", ")
	}
	page := readErrorsPage(t)
	if diff := cmp.Diff(want, page.codes); diff != "" {
		t.Errorf("reasons and their codes (-the code's +docs/errors.md's):\n%s", diff)
	}
	if diff := cmp.Diff(want, contractCodes(t)); diff != "" {
		t.Errorf("reasons and their codes (-the code's +reason.proto's comments'):\n%s", diff)
	}
	for key := range given.metadata {
		if !strings.Contains(page.text, "`metadata."+key+"`") {
			t.Errorf("docs/errors.md doesn't have the key %s of ErrorInfo.metadata", key)
		}
	}
}

// A reason that the test can't see would go undocumented.
func TestAReasonIsSeenWhereverItIsGiven(t *testing.T) {
	g := given{codes: map[string]map[string]bool{}, metadata: map[string]bool{}}
	err := g.read(t, "x.go", `package p
		var a = fault.New(fault.Denied, typev1.Reason_REASON_BLOCKED, "no").With("scope", s)
		var b = New(Aborted, typev1.Reason_REASON_VERSION_CONFLICT, "no")
		var c = refusal(codes.ResourceExhausted, typev1.Reason_REASON_OVERLOADED, "no")
		var d = map[attempt.Refusal]typev1.Reason{attempt.Over: typev1.Reason_REASON_BLOCKED}
		var e = reason == typev1.Reason_REASON_INTERNAL`)
	if err != nil {
		t.Fatal(err)
	}
	want := given{
		codes: map[string]map[string]bool{
			"REASON_BLOCKED":          {"PERMISSION_DENIED": true, inAttempt: true},
			"REASON_VERSION_CONFLICT": {"ABORTED": true},
			"REASON_OVERLOADED":       {"RESOURCE_EXHAUSTED": true},
		},
		metadata: map[string]bool{"scope": true},
	}
	if diff := cmp.Diff(want, g, cmp.AllowUnexported(given{})); diff != "" {
		t.Errorf("seen (-want +got):\n%s", diff)
	}
}

// given are the reasons that the code gives.
type given struct {
	codes    map[string]map[string]bool // of each reason
	metadata map[string]bool            // the keys of what goes along
}

// givenReasons reads all code but the generated: fault.New(kind, reason, …) and its like, and the table of an attempt's refusals.
func givenReasons(t *testing.T) given {
	t.Helper()
	all := given{codes: map[string]map[string]bool{}, metadata: map[string]bool{}}
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		switch name := entry.Name(); {
		case err != nil:
			return err
		case entry.IsDir() && (name == "gen" || name == "testdata" || name == "test" || len(name) > 2 && name[0] == '.'):
			return filepath.SkipDir
		case entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		return all.read(t, path, nil)
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func (g given) read(t *testing.T, path string, source any) error {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), path, source, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	ast.Inspect(file, func(n ast.Node) bool {
		g.add(t, n)
		return true
	})
	return nil
}

func (g given) add(t *testing.T, n ast.Node) {
	t.Helper()
	switch n := n.(type) {
	case *ast.CallExpr:
		if len(n.Args) >= 2 {
			g.addCall(t, n)
		}
	case *ast.KeyValueExpr:
		if reason, ok := reasonIn(n.Value); ok {
			g.note(reason, inAttempt)
		}
	}
}

func (g given) addCall(t *testing.T, call *ast.CallExpr) {
	t.Helper()
	if reason, ok := reasonIn(call.Args[1]); ok {
		code, known := codeNames[lastName(call.Args[0])]
		if !known {
			t.Errorf("%s is given with %q, which this test takes for no kind", reason, lastName(call.Args[0]))
		}
		g.note(reason, code)
	}
	if key, ok := call.Args[0].(*ast.BasicLit); ok && lastName(call.Fun) == "With" {
		text, err := strconv.Unquote(key.Value)
		if err != nil {
			t.Error(err)
		}
		g.metadata[text] = true
	}
}

func (g given) note(reason, code string) {
	if g.codes[reason] == nil {
		g.codes[reason] = map[string]bool{}
	}
	g.codes[reason][code] = true
}

// reasonIn is the reason that an expression names.
func reasonIn(e ast.Expr) (string, bool) {
	return strings.CutPrefix(lastName(e), "Reason_")
}

// lastName is what an expression names, without the package.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.SelectorExpr:
		return e.Sel.Name
	case *ast.Ident:
		return e.Name
	}
	return ""
}

type page struct {
	text  string
	codes map[string]string
}

// readErrorsPage finds the rows: a reason, its codes, and five cells that say something.
func readErrorsPage(t *testing.T) page {
	t.Helper()
	text, err := os.ReadFile(errorsPage)
	if err != nil {
		t.Fatal(err)
	}
	p := page{text: string(text), codes: map[string]string{}}
	for _, row := range regexp.MustCompile("(?m)^\\| `([A-Z][A-Z_]+)` \\| ([^`].*) \\|$").FindAllStringSubmatch(p.text, -1) {
		cells := strings.Split(row[2], " | ")
		if strings.HasPrefix(row[1], "PASSWORD_") && len(cells) < 6 {
			continue // a problem of a password
		}
		if len(cells) != 6 || slices.Contains(cells, "") {
			t.Errorf("%s has %d cells, some of which may be empty; want code, when, with, program, user and operator", row[1], len(cells)+1)
		}
		if p.codes[row[1]] != "" {
			t.Errorf("%s has two rows", row[1])
		}
		p.codes[row[1]] = sorted(cells[0])
	}
	return p
}

// contractCodes are the codes that reason.proto's comments name: each comment begins with them.
func contractCodes(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(contract)
	if err != nil {
		t.Fatal(err)
	}
	codes := map[string]string{}
	value := regexp.MustCompile(`(?m)((?:^  //.*\n)+)  REASON_(\w+) = \d+;`)
	for _, found := range value.FindAllStringSubmatch(string(text), -1) {
		comment := strings.ReplaceAll(strings.TrimPrefix(found[1], "  // "), "In Attempt.refusal", inAttempt)
		end := strings.Index(comment, ". ") // of the first sentence
		if found[2] == "UNSPECIFIED" || end < 0 {
			continue
		}
		codes[found[2]] = sorted(strings.NewReplacer(", and ", ", ", " or ", ", ").Replace(comment[:end]))
	}
	return codes
}

func sorted(codes string) string {
	return strings.Join(slices.Sorted(slices.Values(strings.Split(codes, ", "))), ", ")
}
