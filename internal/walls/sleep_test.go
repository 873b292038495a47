package walls

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestNoTestSleeps finds calls of time.Sleep in test files that don't use testing/synctest, inside whose bubble Sleep
// moves a clock and waits for nothing. Outside of it a sleep is either too short on a busy machine or too long on any.
func TestNoTestSleeps(t *testing.T) {
	files := 0
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() && len(entry.Name()) > 2 && entry.Name()[0] == '.' {
			return filepath.SkipDir // .git and other folders of tools
		}
		if entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return nil
		}
		source, err := os.ReadFile(path) //nolint:gosec // the path comes from walking our own repository
		if err != nil {
			return err
		}
		files++
		for _, where := range sleeps(t, path, source) {
			t.Errorf("%s: a test sleeps; wait for what you wait for, or use testing/synctest", where)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if files == 0 {
		t.Fatal("no test file found, so nothing was looked at")
	}
}

func TestSleepIsSeen(t *testing.T) {
	const call = `func TestX(t *testing.T) { time.Sleep(1) }`
	tests := []struct {
		name, source string
		want         int
	}{
		{"a sleep", `package p; import ("testing"; "time"); ` + call, 1},
		{"a sleep under another name", `package p; import ("testing"; clock "time"); func TestX(t *testing.T) { clock.Sleep(1) }`, 1},
		{"a bubble", `package p; import ("testing"; "testing/synctest"; "time"); ` + call, 0},
		{"somebody else's Sleep", `package p; import "time"; var _ = time.Now; func f(x interface{ Sleep(int) }) { x.Sleep(1) }`, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := sleeps(t, "x_test.go", []byte(tt.source)); len(got) != tt.want {
				t.Errorf("found %d sleeps, want %d: %v", len(got), tt.want, got)
			}
		})
	}
}

// sleeps returns where a file calls time.Sleep without importing testing/synctest.
func sleeps(t *testing.T, path string, source []byte) []token.Position {
	t.Helper()
	set := token.NewFileSet()
	file, err := parser.ParseFile(set, path, source, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	imported := func(path string) (name string, ok bool) {
		i := slices.IndexFunc(file.Imports, func(s *ast.ImportSpec) bool { return s.Path.Value == `"`+path+`"` })
		if i < 0 {
			return "", false
		}
		if as := file.Imports[i].Name; as != nil {
			return as.Name, true
		}
		return path, true
	}
	clock, hasTime := imported("time")
	if _, bubbles := imported("testing/synctest"); bubbles || !hasTime {
		return nil
	}
	var found []token.Position
	for node := range ast.Preorder(file) {
		if selector, ok := node.(*ast.SelectorExpr); ok && selector.Sel.Name == "Sleep" {
			if x, ok := selector.X.(*ast.Ident); ok && x.Name == clock {
				found = append(found, set.Position(selector.Pos()))
			}
		}
	}
	return found
}
