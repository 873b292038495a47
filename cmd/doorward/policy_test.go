package main

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/reflect/protoreflect"

	authnv1 "github.com/doorward/doorward/gen/doorward/authn/v1"
	typev1 "github.com/doorward/doorward/gen/doorward/type/v1"
	"github.com/doorward/doorward/internal/fault"
)

// TestThePolicyIsTunedWhileAuthnRuns plays an operator who changes the policy, and one whose change comes too late or is wrong.
func TestThePolicyIsTunedWhileAuthnRuns(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	c := startDev(t, filepath.Join(t.TempDir(), "d")).console(ctx, t)
	file := filepath.Join(t.TempDir(), "policy.yaml")
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}

	defaults := c.say("policy", "get")
	everySettingIsDocumented(t, defaults)
	write(defaults)
	c.shows([]string{"nothing differs from version 0"}, "policy", "diff", "-f", file, "--exit-code")
	c.shows([]string{"nothing differs from version 0"}, "policy", "apply", "-f", file)

	write("lockout_failures: 20\npassword_context_words: [acme]\n")
	changes := []string{"lockout_failures: 10 → 20\n", "password_context_words: [] → [acme]\n"}
	c.shows(changes, "policy", "diff", "-f", file)
	if out, _, code := c.try("policy", "diff", "-f", file, "--exit-code"); code != exitFailed || !strings.Contains(out, changes[0]) {
		t.Errorf("with a difference: exit code %d, %q", code, out)
	}
	c.shows(append(changes, "version 1 is in force"), "policy", "apply", "-f", file, "--note", "our name")
	c.shows([]string{"# authn's policy, version 1, changed ", "lockout_failures: 20\n", "- acme\n"}, "policy", "get")
	c.shows([]string{`"note"`, "our name"}, "policy", "get", "--json")

	write("lockout_duration: 7d\nbreach_unknown_refuses_sign_in: true\n")
	c.shows([]string{"warning: each lock is followed by 20 tries", "warning: breach_unknown_refuses_sign_in does nothing"}, "policy", "diff", "-f", file)

	write("lockout_failures: 1\ncodes_per_hour: 0\n")
	c.refuses("INVALID_FIELD", "policy", "diff", "-f", file)
	for _, json := range [][]string{nil, {"--json"}} { // neither prints a difference, as if it were one now
		c.refuses("doorward: nothing was changed: INVALID_FIELD: policy.codes_per_hour: must be from 3 to 60; policy.lockout_failures: must be from 5 to 90\n",
			append([]string{"policy", "apply", "-f", file}, json...)...)
	}
	write("lockout_failure: 20\n")
	c.refuses("doorward: nothing was changed: "+file+" can't be applied:\nline 1: there is no setting \"lockout_failure\"", "policy", "apply", "-f", file)
	write("rate_account_starts: 7\n")
	c.refuses("\nline 1: rate_account_starts is called rate_identifier_starts now\n", "policy", "apply", "-f", file)
	c.refuses("nothing was changed: open "+file+".gone: no such file", "policy", "apply", "-f", file+".gone")
	c.shows([]string{"version 1,", "lockout_failures: 20\n", "codes_per_hour: 10\n"}, "policy", "get")
}

// everySettingIsDocumented holds docs/policy.md to the settings that there are, and to their defaults.
func everySettingIsDocumented(t *testing.T, defaults string) {
	t.Helper()
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "policy.md"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	for line := range strings.Lines(defaults) {
		setting, value, ok := strings.Cut(strings.TrimSpace(line), ": ")
		if !ok || strings.HasPrefix(line, "#") {
			continue
		}
		rows++
		if row := "| `" + setting + "` | `" + value + "` |"; !strings.Contains(string(page), row) {
			t.Errorf("docs/policy.md has no row %q", row)
		}
	}
	if got := strings.Count(string(page), "\n| `"); got != rows {
		t.Errorf("docs/policy.md has %d rows, the policy %d settings", got, rows)
	}
}

func TestRenamedSettingsAreCalledSomethingThatThereIs(t *testing.T) {
	fields := (&authnv1.Policy{}).ProtoReflect().Descriptor().Fields()
	for before, now := range renamedSettings() {
		if fields.ByName(protoreflect.Name(before)) != nil || fields.ByName(protoreflect.Name(now)) == nil {
			t.Errorf("%s is said to be called %s now", before, now)
		}
	}
}

func TestAChangeWhoseAnswerDidntComeMayBeInForce(t *testing.T) {
	for kind, known := range map[fault.Kind]bool{
		fault.Invalid: true, fault.Denied: true, fault.Unauthenticated: true, fault.Aborted: true, fault.Exhausted: true, fault.Unimplemented: true,
		fault.Unavailable: false, fault.DeadlineExceeded: false, fault.Canceled: false, fault.Internal: false,
	} {
		err := unapplied(fault.New(kind, typev1.Reason_REASON_UNSPECIFIED, "x"), errors.New("why"))
		if got := strings.HasPrefix(err.Error(), "nothing was changed: why"); got != known || got == strings.Contains(err.Error(), "it isn't known whether") {
			t.Errorf("%v: %v", kind, err)
		}
	}
}
