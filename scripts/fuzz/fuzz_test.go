package main

import (
	"bytes"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// toy writes a module with one fuzz target. It fails on a comma, and takes another way for each of the first letters.
func toy(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{
		"go.mod": "module example.com/toy\n\ngo 1.26\n",
		"toy.go": "package toy\n\nfunc Ways(s string) int {\n\tswitch {\n\tcase len(s) == 0:\n\t\treturn 0\n\tcase s[0] == 'a':\n\t\treturn 1\n" +
			"\tcase s[0] == 'b':\n\t\treturn 2\n\t}\n\treturn 3\n}\n",
		"toy_test.go": "package toy\n\nimport \"testing\"\n\nfunc FuzzWays(f *testing.F) {\n\tf.Add(\"\")\n\tf.Fuzz(func(t *testing.T, s string) {\n" +
			"\t\tif Ways(s) > 2 && s[0] == ',' {\n\t\t\tt.Error(\"a comma\")\n\t\t}\n\t})\n}\n\nfunc TestWays(t *testing.T) {}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// cached puts inputs where the engine would, by the names of the texts.
func cached(t *testing.T, dir string, texts ...string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, text := range texts {
		if err := os.WriteFile(filepath.Join(dir, "in-"+text), []byte("go test fuzz v1\nstring(\""+text+"\")\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func names(t *testing.T, dir string) []string {
	t.Helper()
	found, err := inputs(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, i := range found {
		names = append(names, i.name)
	}
	return names
}

func TestTargetsAreFoundInTheSource(t *testing.T) {
	dir := toy(t)
	for pattern, want := range map[string]int{"": 1, "toy FuzzW": 1, "other": 0} {
		found, err := list(t.Context(), []string{dir}, regexp.MustCompile(pattern))
		if err != nil || len(found) != want {
			t.Errorf("%q matches %v, %v; want %d targets", pattern, found, err, want)
		}
	}
}

func TestInputsAreKeptThatReachSomethingNew(t *testing.T) {
	dir := toy(t)
	found, err := list(t.Context(), []string{dir}, regexp.MustCompile(""))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	k := keeper{cache: t.TempDir()}
	cached(t, filepath.Join(k.cache, "example.com", "toy", "FuzzWays"), "a", "aa", "bbb", "x", "xyz")
	if kept, err := k.keep(t.Context(), found[0]); err != nil || kept != 3 {
		t.Fatalf("kept %d, %v; want one of each way", kept, err)
	}
	corpus := filepath.Join(dir, "testdata", "fuzz", "FuzzWays")
	if diff := cmp.Diff([]string{"in-a", "in-bbb", "in-x"}, names(t, corpus)); diff != "" {
		t.Errorf("kept (-want +got):\n%s", diff)
	}
	if again, err := k.keep(t.Context(), found[0]); err != nil || again != 0 {
		t.Errorf("a second time %d more are kept, %v", again, err)
	}
}

func TestAnInputThatFailsIsToldAndNotKept(t *testing.T) {
	dir := toy(t)
	found, err := list(t.Context(), []string{dir}, regexp.MustCompile(""))
	if err != nil || len(found) != 1 {
		t.Fatal(found, err)
	}
	k := keeper{cache: t.TempDir()}
	cached(t, filepath.Join(k.cache, "example.com", "toy", "FuzzWays"), ",")
	if kept, err := k.keep(t.Context(), found[0]); err == nil || kept != 0 || !strings.Contains(err.Error(), "a comma") {
		t.Errorf("kept %d, %v; want the failure", kept, err)
	}
}

func TestARunIsTold(t *testing.T) {
	lines := "fuzz: elapsed: 0s, gathering baseline coverage: 0/4 completed\nfuzz: elapsed: 3s, execs: 102 (34/sec), new interesting: 5 (total: 9)\n" +
		"--- FAIL: FuzzX (3.1s)\nfuzz: elapsed: 1m2s, execs: 2000 (34/sec), new interesting: 6 (total: 10)\n"
	var told []figures
	last, said := follow(strings.NewReader(lines), func(f figures) { told = append(told, f) })
	if want := (figures{took: time.Minute + 2*time.Second, tries: 2000, fresh: 6}); last != want || len(told) != 2 {
		t.Errorf("the run's figures are %+v after %d, want %+v after 2", last, len(told), want)
	}
	if !strings.Contains(said, "--- FAIL: FuzzX") {
		t.Errorf("what it said beside: %q", said)
	}
	var shown bytes.Buffer
	p := newProgress(&shown, 36, 10*time.Minute)
	p.begin(target{pkg: "github.com/doorward/doorward/internal/bus", name: "FuzzDecode"})
	p.tell(last)
	p.end(last, 3, nil)
	if out := shown.String(); !strings.Contains(out, "36 targets, 10m0s each: 6h0m0s") || strings.Contains(out, "\x1b") || !strings.Contains(out, "1 of 36  internal/bus FuzzDecode") {
		t.Errorf("shown:\n%s", out)
	}
}

func TestChoiceEndsAtItsBounds(t *testing.T) {
	from := []input{
		{name: "short", size: 10, adds: features{"a": true}}, {name: "long", size: 20, adds: features{"a": true}},
		{name: "most", size: 30, adds: features{"b": true, "c": true}}, {name: "huge", size: 1000, adds: features{"d": true, "e": true, "f": true}},
	}
	for _, bound := range []struct {
		most, bytes int
		want        []string
	}{
		{10, 100, []string{"most", "short"}}, {1, 100, []string{"most"}}, {10, 5000, []string{"huge", "most", "short"}}, {10, 35, []string{"most"}}, {0, 100, nil},
	} {
		var got []string
		for _, i := range choose(from, features{}, bound.most, bound.bytes) {
			got = append(got, i.name)
		}
		if diff := cmp.Diff(bound.want, got); diff != "" {
			t.Errorf("%d inputs of %d bytes (-want +got):\n%s", bound.most, bound.bytes, diff)
		}
	}
}

func TestCountsFallIntoClasses(t *testing.T) {
	for n, want := range map[int]int{1: 1, 2: 2, 3: 3, 4: 4, 7: 4, 8: 8, 15: 8, 127: 64, 128: 128, 1 << 20: 128} {
		if got := roughly(n); got != want {
			t.Errorf("%d counts as %d, want %d", n, got, want)
		}
	}
}
