package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestOperatorsSayWhoMaySignUp plays an operator who keeps the lists, and asks why somebody may not sign up.
func TestOperatorsSayWhoMaySignUp(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	ada := signUp(ctx, t, d.world(t))
	c := d.console(ctx, t)

	c.shows([]string{"eve@spam.example may sign up"}, "restrict", "explain", "eve@spam.example")
	c.shows([]string{"3 of 3 are new in the list block"}, "restrict", "add", "block", "Spam.example", "*.spam.example", "192.0.2.0/24", "--note", "spam")
	c.shows([]string{"0 of 1 are new"}, "restrict", "add", "block", "spam.example")
	c.shows([]string{"warning: eve@spam.example says nothing new: Spam.example is in the list block"}, "restrict", "add", "block", "eve@spam.example")
	c.shows([]string{"may not sign up: address_blocked", "Spam.example in block"}, "restrict", "explain", "eve@spam.example")
	c.shows([]string{"may not sign up: disposable_domain", "mailinator.com in the list that ships"}, "restrict", "explain", "eve@mailinator.com")
	c.shows([]string{"may not sign up: network_blocked"}, "restrict", "explain", "eve@example.com", "--ip", "192.0.2.7")
	c.shows([]string{`"rule": `, `"network_blocked"`}, "restrict", "explain", "eve@example.com", "--ip", "192.0.2.7", "--json")
	c.shows([]string{"ENTRY", "*.spam.example", "spam.example", "192.0.2.0/24"}, "restrict", "list", "block")
	c.shows([]string{"more: doorward restrict list block --limit 1 --page "}, "restrict", "list", "block", "--limit", "1")
	c.shows([]string{"1 of 2 are gone", "other.example wasn't in it"}, "restrict", "remove", "block", "SPAM.example", "other.example")
	c.refuses("nothing was changed: INVALID_FIELD: entries[1]: ", "restrict", "add", "block", "good.example", "https://bad.example")
	c.refuses("nothing was changed: INVALID_FIELD: entries[1]: ", "restrict", "remove", "block", "spam.example", "https://bad.example")
	c.refuses("INVALID_FIELD", "restrict", "explain", "eve@example.com", "--ip", "home")

	file := filepath.Join(t.TempDir(), "list.txt")
	var text strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&text, "d%d.example # a domain\n", i)
	}
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(text.String())
	c.shows([]string{"3000 entries, 3000 of them new in the list disposable"}, "restrict", "import", "disposable", "-f", file)
	c.shows([]string{`"total"`, "3000"}, "restrict", "import", "disposable", "-f", file, "--json")
	c.shows([]string{"d2999.example in disposable"}, "restrict", "explain", "eve@sub.d2999.example")
	write("good.example\n*.bad.example\n")
	c.refuses("nothing was changed: INVALID_FIELD: line 2: \"*.bad.example\"", "restrict", "import", "not-disposable", "-f", file)
	c.shows([]string{"has no entries"}, "restrict", "list", "not-disposable")
	c.refuses("no such file", "restrict", "import", "block", "-f", file+".gone")

	write("restriction_allowlist: required\n")
	c.shows([]string{"warning: nobody can sign up"}, "policy", "diff", "-f", file)
	c.shows([]string{"version 1 is in force", "warning: nobody can sign up"}, "policy", "apply", "-f", file)
	c.shows([]string{"may not sign up: address_not_allowed"}, "restrict", "explain", "ada@example.com")

	c.shows([]string{ada.email + "  address_not_allowed", "1 of 1 accounts would be banned"}, "restrict", "sweep", "--dry-run")
	c.shows([]string{"in good standing"}, "users", "show", "--email", ada.email)
	c.shows([]string{`"banned":`, ada.grant.UserID}, "restrict", "sweep", "--json")
	c.shows([]string{"banned since"}, "users", "show", "--email", ada.email)
	c.shows([]string{"0 of 1 accounts are banned"}, "restrict", "sweep")
	write("restriction_access_mode: closed\n")
	c.refuses("must be one of open, invitation_only", "policy", "apply", "-f", file)
}
