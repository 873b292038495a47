package main

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestReport(t *testing.T) {
	tests := []struct {
		name   string
		events []string
		green  bool
		want   []string
	}{{
		name: "green is quiet",
		events: []string{
			`{"Action":"output","Package":"p","Test":"TestA","Output":"noise\n"}`,
			`{"Action":"pass","Package":"p","Test":"TestA","Elapsed":0.1}`,
			`{"Action":"pass","Package":"p"}`,
		},
		green: true,
		want:  []string{"1 passed, 0 failed, 0 skipped (2s)"},
	}, {
		name:   "a package without tests is no skipped test",
		events: []string{`{"Action":"skip","Package":"p"}`},
		green:  true,
		want:   []string{"0 passed, 0 failed, 0 skipped (2s)"},
	}, {
		name: "a skipped test isn't green",
		events: []string{
			`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: no database\n"}`,
			`{"Action":"skip","Package":"p","Test":"TestA"}`,
			`{"Action":"pass","Package":"p"}`,
		},
		want: []string{
			"SKIP p TestA (0.00s)",
			"         a_test.go:3: no database",
			"0 passed, 0 failed, 1 skipped (2s)",
		},
	}, {
		name: "a failed test is told once, with its output and the order's seed",
		events: []string{
			`{"Action":"output","Package":"p","Output":"-test.shuffle 17\n"}`,
			`{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}`,
			`{"Action":"output","Package":"p","Test":"TestA","Output":"got 1, want 2\n"}`,
			`{"Action":"fail","Package":"p","Test":"TestA","Elapsed":0.25}`,
			`{"Action":"output","Package":"p","Output":"FAIL\n"}`,
			`{"Action":"fail","Package":"p"}`,
		},
		want: []string{
			"FAIL p TestA (0.25s, -shuffle=17)",
			"     got 1, want 2",
			"0 passed, 1 failed, 0 skipped (2s)",
		},
	}, {
		name: "a package that fails outside its tests is told",
		events: []string{
			`{"Action":"pass","Package":"p","Test":"TestA"}`,
			`{"Action":"output","Package":"p","Output":"panic: in TestMain\n"}`,
			`{"Action":"fail","Package":"p"}`,
		},
		want: []string{
			"FAIL p (0.00s)",
			"     panic: in TestMain",
			"1 passed, 1 failed, 0 skipped (2s)",
		},
	}, {
		name: "a build that fails is told with the compiler's words",
		events: []string{
			`{"ImportPath":"p [p.test]","Action":"build-output","Output":"./a_test.go:3: undefined: x\n"}`,
			`{"ImportPath":"p [p.test]","Action":"build-fail"}`,
			`{"Action":"fail","Package":"p","FailedBuild":"p [p.test]"}`,
		},
		want: []string{
			"FAIL p (0.00s)",
			"     ./a_test.go:3: undefined: x",
			"0 passed, 1 failed, 0 skipped (2s)",
		},
	}}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var out bytes.Buffer
			rep := newReport(&out)
			if err := rep.read(strings.NewReader(strings.Join(tt.events, "\n"))); err != nil {
				t.Fatal(err)
			}
			rep.close(2 * time.Second)
			got := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("report (-want +got):\n%s", diff)
			}
			if rep.green() != tt.green {
				t.Errorf("green = %v, want %v", rep.green(), tt.green)
			}
		})
	}
}

func TestTailKeepsTheEnd(t *testing.T) {
	kept := &tail{limit: 4}
	for _, part := range []string{"ab", "cdef", "g"} {
		if _, err := kept.Write([]byte(part)); err != nil {
			t.Fatal(err)
		}
	}
	if got := kept.String(); got != "defg" {
		t.Errorf("kept %q, want %q", got, "defg")
	}
}
