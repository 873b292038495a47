package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"github.com/doorward/doorward/internal/enumeration"
	"github.com/doorward/doorward/internal/leak"
)

// TestADeploymentIsMeasuredTwice: the accounts of the first time are found again.
func TestADeploymentIsMeasuredTwice(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 10*patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	c := d.console(ctx, t)
	// What noise does to a verdict isn't this test's business: nothing counts but shapes.
	measure := []string{
		"selftest", "enumeration", "--against", filepath.Join(d.dir, "dev.env"), "--probes", "8", "--tolerance", "1m", "--resolution", "1m",
		"--without", "plain,no-password,banned,slow-hash",
	}
	c.shows([]string{"StartSignUp", "Continue (password)", "restricted", "nobody (control)", "same", "No answer differs"}, measure...)
	var report reportJSON
	out, complaint, _ := c.try(append(measure, "--json")...) // some are asked for a code too soon and some aren't, as chance has it
	if err := json.Unmarshal([]byte(out), &report); err != nil {
		t.Fatalf("%v: %s", err, complaint)
	}
	if len(report.Rows) != 8*3 || report.Rows[0].N != 8 {
		t.Errorf("%s\n%+v", complaint, report)
	}
	c.shows([]string{"locked until it is unlocked"}, "users", "show", "--email", "selftest-1-lock-00003@members.selftest.invalid")
	if out := c.say("restrict", "list", "block"); strings.Contains(out, "selftest") {
		t.Errorf("the domain is blocked still: %s", out)
	}
}

func TestWhatItFoundIsTheExitCode(t *testing.T) {
	same := enumeration.Row{Entry: "StartSignIn", State: enumeration.Plain, Finding: leak.Finding{N: 60, Verdict: leak.Same}}
	with := func(verdict leak.Verdict, control bool) enumeration.Report {
		other := same
		other.Verdict, other.Control = verdict, control
		return enumeration.Report{Rows: []enumeration.Row{same, other}}
	}
	tests := map[string]struct {
		report enumeration.Report
		code   int
		says   string
	}{
		"all the same":           {with(leak.Same, false), exitOK, "No answer differs"},
		"a time that tells":      {with(leak.TimeLeak, false), exitFailed, "can tell who has an account"},
		"a shape that tells":     {with(leak.ShapeLeak, false), exitFailed, "can tell who has an account"},
		"too much noise":         {with(leak.Unclear, false), exitUnmeasured, "might have been missed"},
		"a control that differs": {with(leak.TimeLeak, true), exitUnmeasured, "might have been missed"},
		"a call nothing got to":  {enumeration.Report{Rows: []enumeration.Row{same}, Unreached: []string{"Prepare (sign-up)"}}, exitUnmeasured, "Prepare (sign-up)"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var out, complaints bytes.Buffer
			must(t, (&selftestEnumerationCmd{}).print(&out, tt.report))
			code := exitOK
			if err := outcome(tt.report); err != nil {
				code = streams{err: &complaints}.fail(err)
			}
			if code != tt.code || !strings.Contains(out.String(), tt.says) {
				t.Errorf("exit code %d, want %d; it says:\n%s", code, tt.code, out.String())
			}
		})
	}
}

// An interrupted command has measured nothing, and a script must not take that for a pass.
func TestWithoutADeploymentNothingWasMeasured(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	err := (&selftestEnumerationCmd{Against: filepath.Join(t.TempDir(), "none.env")}).Run(ctx, streams{err: &bytes.Buffer{}})
	if other, ok := errors.AsType[*exitError](err); !ok || other.code != exitUnmeasured || errors.Is(err, context.Canceled) {
		t.Errorf("Run = %v", err)
	}
}
