package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestOutputIsRead(t *testing.T) {
	output := strings.Join([]string{
		"goos: linux",
		"pkg: github.com/doorward/doorward/sdk/verify",
		"cpu: some",
		"BenchmarkVerify/new-2  \t 19000\t 61000 ns/op\t 1.21 ratio",
		"BenchmarkVerify/callers=8  \t 1\t 0 ns/op",
		"PASS",
		"ok  \tgithub.com/doorward/doorward/sdk/verify\t3.1s",
		"pkg: github.com/doorward/doorward/internal/rpc",
		"--- FAIL: BenchmarkUnary",
		"    bench_test.go:9: no answer",
	}, "\n")
	found := results{}
	complaints, err := found.read(strings.NewReader(output), func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	want := results{
		{"sdk/verify Verify/new", "ns/op"}:       61000,
		{"sdk/verify Verify/new", "ratio"}:       1.21,
		{"sdk/verify Verify/callers=8", "ns/op"}: 0,
	}
	if diff := cmp.Diff(want, found); diff != "" {
		t.Errorf("results (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"--- FAIL: BenchmarkUnary", "    bench_test.go:9: no answer"}, complaints); diff != "" {
		t.Errorf("complaints (-want +got):\n%s", diff)
	}
}

func TestTable(t *testing.T) {
	found := results{
		{"p A", "calls/s"}: 19_412, {"p A", "limit/s"}: 20_000,
		{"p B", "new-ns/op"}: 61_234, {"p B", "bare-ns/op"}: 40_000,
		{"p C", "p99-ms"}: 6.5, {"p C", "nats-ms"}: 0.25,
		{"p D", "calls/s"}: 90, {"p D", "share"}: 0.5,
		{"p E", "ns/op"}:      111,
		{"p F", "calls/s"}:    1,
		{"p I", "hash-bytes"}: 2.256, {"p I", "false-%"}: 0.00152,
		{"p H", "peak-MiB"}: 61.24, {"p H", "bare-MiB"}: 40,
	}
	rows := []row{
		{what: "met", figure: metric{"p A", "calls/s"}, limit: metric{"p A", "limit/s"}, limitIs: "bare", aim: aim{atLeast: 0.95}},
		{what: "too slow", figure: metric{"p B", "new-ns/op"}, limit: metric{"p B", "bare-ns/op"}, limitIs: "bare", aim: aim{atMost: 1.25}},
		{what: "too late", figure: metric{"p C", "p99-ms"}, limit: metric{"p C", "nats-ms"}, limitIs: "NATS", aim: aim{under: 5}},
		{what: "a share", figure: metric{"p D", "calls/s"}, share: metric{"p D", "share"}, limitIs: "empty"},
		{what: "alone", figure: metric{"p E", "ns/op"}},
		{what: "memory", figure: metric{"p H", "peak-MiB"}, limit: metric{"p H", "bare-MiB"}, limitIs: "bare"},
		{what: "a size", figure: metric{"p I", "hash-bytes"}, aim: aim{under: 2.4}},
		{what: "seldom", figure: metric{"p I", "false-%"}, aim: aim{under: 0.002}},
		{what: "no limit found", figure: metric{"p F", "calls/s"}, limit: metric{"p F", "limit/s"}},
		{what: "not measured", figure: metric{"p G", "calls/s"}},
	}
	var out bytes.Buffer
	missing := printTable(&out, rows, found)
	if diff := cmp.Diff([]string{"no limit found", "not measured"}, missing); diff != "" {
		t.Errorf("missing (-want +got):\n%s", diff)
	}
	var got [][]string
	for line := range strings.Lines(out.String()) {
		if fields := strings.Fields(line); len(fields) > 0 {
			got = append(got, fields)
		}
	}
	want := [][]string{
		strings.Fields("what figure limit, in the same run ratio aim"),
		strings.Fields("met 19,412/s 20,000/s bare 0.97 ≥ 0.95"),
		strings.Fields("too slow 61.2 µs 40.0 µs bare 1.53 ≤ 1.25 missed"),
		strings.Fields("too late 6.50 ms 250 µs NATS 26.00 ≤ 5.00 ms missed"),
		strings.Fields("a share 90.0/s 180/s empty 0.50"),
		strings.Fields("alone 111 ns"),
		strings.Fields("memory 61.2 MiB 40.0 MiB bare 1.53"),
		strings.Fields("a size 2.26 bytes ≤ 2.40 bytes"),
		strings.Fields("seldom 0.0015 % ≤ 0.0020 %"),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("table (-want +got):\n%s", diff)
	}
}

// A row whose unit isn't known would show as a bare number, and one without a package as missing for ever.
func TestRowsAreWellFormed(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range rows() {
		shown := show(1234, r.figure.unit)
		if strings.Contains(shown, r.figure.unit) && !strings.HasSuffix(shown, "/s") {
			t.Errorf("%s: the unit %q isn't known", r.what, r.figure.unit)
		}
		if seen[r.what] || !strings.Contains(r.figure.benchmark, " ") {
			t.Errorf("%s: twice, or its benchmark %q has no package", r.what, r.figure.benchmark)
		}
		seen[r.what] = true
	}
}

func TestBenchmarksAreFoundInTheirOwnModule(t *testing.T) {
	got, err := packagesWithBenchmarks("../../sdk")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{".", "./verify"}, got); diff != "" {
		t.Errorf("packages of sdk (-want +got):\n%s", diff)
	}
	root, err := packagesWithBenchmarks("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, pkg := range root {
		if strings.HasPrefix(pkg, "./sdk") {
			t.Errorf("%s is another module's", pkg)
		}
	}
	if len(root) == 0 {
		t.Error("none found in the root module")
	}
}
