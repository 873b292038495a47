package main

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
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

	write("lockout_failures: 1\ncodes_per_hour: 0\n")
	c.refuses("INVALID_FIELD", "policy", "diff", "-f", file)
	c.refuses("INVALID_FIELD", "policy", "apply", "-f", file, "--json")
	write("lockout_failure: 20\n")
	c.refuses(`line 1: there is no setting "lockout_failure"`, "policy", "apply", "-f", file)
	c.refuses("no such file", "policy", "apply", "-f", file+".gone")
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
