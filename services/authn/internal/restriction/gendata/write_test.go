package main

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const cc0 = `{"name": "some-list", "version": "1.2.3", "license": "CC0-1.0"}`

// packed writes an npm package with these files and returns its path.
func packed(t *testing.T, files map[string]string) string {
	t.Helper()
	var b bytes.Buffer
	zip := gzip.NewWriter(&b)
	archive := tar.NewWriter(zip)
	for name, body := range files {
		if err := archive.WriteHeader(&tar.Header{Name: "package/" + name, Mode: 0o644, Size: int64(len(body))}); err != nil {
			t.Fatal(err)
		}
		if _, err := archive.Write([]byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	if err := archive.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zip.Close(); err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "package.tgz")
	if err := os.WriteFile(file, b.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// enough are as many domains as a list must have, and these.
func enough(more ...string) string {
	var all []string
	for i := range fewest {
		all = append(all, fmt.Sprintf(`"d%04d.example"`, i))
	}
	for _, m := range more {
		all = append(all, `"`+m+`"`)
	}
	return "[" + strings.Join(all, ",") + "]"
}

func TestTheListIsFoldedSortedAndShort(t *testing.T) {
	file := packed(t, map[string]string{
		"package.json": cc0, "LICENSE": "free",
		"dist/dict/" + domainsFile: enough("ZZ.example", "zz.example", "deep.below.zz.example", "aa.BÜCHER.example"),
	})
	l, err := unpack(file)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := len(l.domains), fewest+2; got != want {
		t.Errorf("%d domains, want %d: twice or below another is once", got, want)
	}
	if first, last := l.domains[0], l.domains[len(l.domains)-1]; first != "aa.xn--bcher-kva.example" || last != "zz.example" {
		t.Errorf("from %s to %s", first, last)
	}
	out := t.TempDir()
	if err := write(out, l, "2026-09-21"); err != nil {
		t.Fatal(err)
	}
	about, err := os.ReadFile(filepath.Join(out, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"some-list", "1.2.3", "published 2026-09-21", "1002 domains", "CC0 1.0"} {
		if !strings.Contains(string(about), want) {
			t.Errorf("the README doesn't say %q", want)
		}
	}
	if diff := cmp.Diff(l.domains, unzipped(t, filepath.Join(out, "disposable.txt.gz"))); diff != "" {
		t.Errorf("read back (-want +got):\n%s", diff)
	}
}

func unzipped(t *testing.T, file string) []string {
	t.Helper()
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	zip, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(zip)
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
}

func TestAPackageThatHasChangedIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		files map[string]string
		want  string
	}{
		"no list":          {map[string]string{"package.json": cc0, "LICENSE": "free"}, domainsFile},
		"another licence":  {map[string]string{"package.json": `{"license": "MIT"}`, "LICENSE": "", domainsFile: enough()}, "MIT"},
		"few domains":      {map[string]string{"package.json": cc0, "LICENSE": "", domainsFile: `["a.example"]`}, "only 1"},
		"no domain":        {map[string]string{"package.json": cc0, "LICENSE": "", domainsFile: enough("a b")}, "a b"},
		"a whole top one":  {map[string]string{"package.json": cc0, "LICENSE": "", domainsFile: enough("com")}, "com"},
		"another sort":     {map[string]string{"package.json": cc0, "LICENSE": "", domainsFile: `{"a": 1}`}, domainsFile},
		"a broken package": {map[string]string{"package.json": "{", "LICENSE": "", domainsFile: enough()}, "package.json"},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := unpack(packed(t, c.files)); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("unpack = %v, want an error about %q", err, c.want)
			}
		})
	}
}
