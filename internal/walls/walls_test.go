package walls

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// modulePath is the root module; gen and sdk are modules below it.
const modulePath = "github.com/doorward/doorward"

// pkg is what `go list` says of a package of ours. Paths of our own packages are relative to the repository.
type pkg struct {
	ImportPath   string
	Imports      []string
	TestImports  []string
	XTestImports []string
}

// breach is a chain of imports that a rule refuses: the package, what it went through, and what it mustn't reach.
type breach struct {
	rule  rule
	chain []string
}

func (b breach) String() string {
	return fmt.Sprintf("%s\n\trule: %s\n\tbecause %s", strings.Join(b.chain, " → "), b.rule.name, b.rule.why)
}

func TestWallsStand(t *testing.T) {
	for _, b := range breaches(packages(t), rules) {
		t.Error(b)
	}
}

// packages lists every package of the root module, gen and sdk, keyed by relative path.
func packages(t *testing.T) map[string]pkg {
	t.Helper()
	all := map[string]pkg{}
	for _, module := range []string{"../..", "../../gen", "../../sdk"} {
		decoder := json.NewDecoder(bytes.NewReader(goCommand(t, module, nil,
			"list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")))
		for {
			var p pkg
			err := decoder.Decode(&p)
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("read go list: %v", err)
			}
			p.ImportPath = relative(p.ImportPath)
			for _, imports := range [][]string{p.Imports, p.TestImports, p.XTestImports} {
				for i := range imports {
					imports[i] = relative(imports[i])
				}
			}
			all[p.ImportPath] = p
		}
	}
	return all
}

// goCommand runs the go tool in a folder and returns what it prints.
func goCommand(t *testing.T, dir string, env []string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", args...)
	cmd.Dir = dir
	cmd.Env = append(cmd.Environ(), env...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go %s in %s: %v\n%s", strings.Join(args, " "), dir, err, &stderr)
	}
	return out
}

// relative shortens one of our own import paths to "./folder" and leaves others as they are.
func relative(path string) string {
	if rest, ours := strings.CutPrefix(path, modulePath); ours && (rest == "" || rest[0] == '/') {
		return "." + rest
	}
	return path
}

// breaches returns every breach of the rules, in the order of the packages' paths.
func breaches(all map[string]pkg, rules []rule) []breach {
	var found []breach
	for _, path := range sortedKeys(all) {
		for _, r := range rules {
			if !r.from(path) {
				continue
			}
			for _, chain := range refused(all, r, path) {
				found = append(found, breach{rule: r, chain: chain})
			}
		}
	}
	return found
}

// refused returns the shortest chain of imports to everything that the rule denies the package.
func refused(all map[string]pkg, r rule, path string) [][]string {
	var found [][]string
	seen := map[string]bool{path: true}
	queue := [][]string{{path}}
	for len(queue) > 0 {
		chain := queue[0]
		queue = queue[1:]
		last := all[chain[len(chain)-1]]
		imports := last.Imports
		if r.tests && len(chain) == 1 {
			imports = slices.Concat(imports, last.TestImports, last.XTestImports)
		}
		for _, imp := range imports {
			if seen[imp] || imp == path {
				continue
			}
			seen[imp] = true
			longer := append(slices.Clone(chain), imp)
			if r.denies(path, imp) {
				found = append(found, longer)
				continue
			}
			if _, ours := all[imp]; ours && r.through {
				queue = append(queue, longer)
			}
		}
	}
	return found
}

func sortedKeys(all map[string]pkg) []string {
	keys := make([]string, 0, len(all))
	for k := range all {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}
