package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// target is one fuzz target.
type target struct {
	// module is the module's folder, pkg the package's import path, dir its folder.
	module, pkg, dir string
	name             string
	// covers are the packages by which inputs are told apart.
	covers []string
}

// String is how a target is shown and matched: its package within the project, and its name.
func (t target) String() string {
	return strings.TrimPrefix(t.pkg, "github.com/doorward/doorward/") + " " + t.name
}

// list finds the targets of the modules that match, in the order of the packages and within one of their source.
func list(ctx context.Context, modules []string, only *regexp.Regexp) ([]target, error) {
	var found []target
	for _, module := range modules {
		packages, err := packagesOf(ctx, module)
		if err != nil {
			return nil, err
		}
		for _, p := range packages {
			names, err := p.targets()
			if err != nil {
				return nil, err
			}
			for _, name := range names {
				t := target{module: module, pkg: p.ImportPath, dir: p.Dir, name: name, covers: p.covers()}
				if only.MatchString(t.String()) {
					found = append(found, t)
				}
			}
		}
	}
	return found, nil
}

// goPackage is what `go list -json` says of a package, as far as it matters here.
type goPackage struct {
	Dir, ImportPath           string
	TestGoFiles, XTestGoFiles []string
	Deps                      []string
	Module                    struct{ Path string }
}

func packagesOf(ctx context.Context, module string) ([]goPackage, error) {
	cmd := exec.CommandContext(ctx, "go", "list", "-json=Dir,ImportPath,TestGoFiles,XTestGoFiles,Deps,Module", "./...")
	cmd.Dir = module
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("list the packages of %s: %w", module, err)
	}
	var packages []goPackage
	for lines := json.NewDecoder(strings.NewReader(string(output))); ; {
		var p goPackage
		switch err := lines.Decode(&p); {
		case errors.Is(err, io.EOF):
			return packages, nil
		case err != nil:
			return nil, fmt.Errorf("list the packages of %s: %w", module, err)
		}
		packages = append(packages, p)
	}
}

// targets reads the names out of the source, because asking go test for them would build every test of the project.
func (p goPackage) targets() ([]string, error) {
	var names []string
	for _, file := range slices.Concat(p.TestGoFiles, p.XTestGoFiles) {
		parsed, err := parser.ParseFile(token.NewFileSet(), filepath.Join(p.Dir, file), nil, parser.SkipObjectResolution)
		if err != nil {
			return nil, fmt.Errorf("read the tests of %s: %w", p.ImportPath, err)
		}
		for _, decl := range parsed.Decls {
			if f, ok := decl.(*ast.FuncDecl); ok && f.Recv == nil && strings.HasPrefix(f.Name.Name, "Fuzz") {
				names = append(names, f.Name.Name)
			}
		}
	}
	return names, nil
}

// parsers are the libraries that take outside input apart for us: an input that is new to one of them is worth keeping too. They are few, because
// each has to be built with its coverage counted, and so has all that imports it.
var parsers = []string{
	"net/mail",
	"github.com/emersion/go-smtp",
	"github.com/golang-jwt/jwt/v5",
	"github.com/nats-io/nkeys",
	"github.com/wneessen/go-mail",
	"go.yaml.in/yaml/v3",
	"golang.org/x/net/html",
	"golang.org/x/net/idna",
}

// covers are the package itself, those of its module that it is made of, and the parsers among its libraries.
func (p goPackage) covers() []string {
	found := []string{p.ImportPath}
	for _, dep := range p.Deps {
		if strings.HasPrefix(dep, p.Module.Path+"/") || slices.Contains(parsers, dep) {
			found = append(found, dep)
		}
	}
	return found
}
