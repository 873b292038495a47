package main

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	doorward "github.com/doorward/doorward/sdk"
)

// firebasesExample is the parameters and the user of docs/import.md, each in a file. They are the published example of Firebase's hash, of the password user1password.
func firebasesExample(t *testing.T) (parameters, users, signerKey string) {
	t.Helper()
	page, err := os.ReadFile("../../docs/import.md")
	must(t, err)
	block := regexp.MustCompile(`(?m)^    hash_config \{\n(?:      .*\n)+    \}$`).Find(page)
	user := regexp.MustCompile(`(?m)^    (\{"localId":.*\})$`).FindSubmatch(page)
	if block == nil || user == nil {
		t.Fatal("docs/import.md has no example of Firebase's")
	}
	dir := t.TempDir()
	parameters, users = filepath.Join(dir, "firebase.txt"), filepath.Join(dir, "users.jsonl")
	must(t, os.WriteFile(parameters, block, 0o600))
	must(t, os.WriteFile(users, user[1], 0o600))
	return parameters, users, regexp.MustCompile(`signer_key: (\w+)`).FindStringSubmatch(string(block))[1]
}

// TestAFirebaseUserSignsInWithThePasswordFromThere imports the manual's example, and nothing before its parameters are right.
func TestAFirebaseUserSignsInWithThePasswordFromThere(t *testing.T) {
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience)
	defer cancel()
	w, c := d.world(t), d.console(ctx, t)
	parameters, users, signerKey := firebasesExample(t)

	c.refuses("no such file", "users", "import", users, "--firebase", parameters+".gone")
	c.refuses("which would be lost", "users", "import", users, "--firebase", parameters, "--report", parameters)
	wrong := spoilt(t, parameters, func(text string) string { return strings.Replace(text, "rounds: 8", "rounds: 80", 1) })
	c.refuses("rounds must be a number from 1 to 8", "users", "import", users, "--firebase", wrong)
	c.refuses("no user is 4711", "users", "show", "--external-id", "4711")
	if out, complaint, code := c.try("users", "import", users); code != exitFailed || strings.Contains(out+complaint, signerKey) {
		t.Errorf("without its parameters: exit code %d\n%s%s", code, out, complaint)
	}

	c.shows([]string{"1 accounts are new"}, "users", "import", users, "--firebase", parameters)
	c.shows([]string{"1 were imported before"}, "users", "import", users, "--firebase", parameters)
	c.shows([]string{"Ada Lovelace", "ada@example.org, verified", "2019-03-01"}, "users", "show", "--external-id", "4711")

	from := doorward.From{IP: netip.MustParseAddr("127.0.0.1"), UserAgent: "test"}
	for _, password := range []string{"user1passwort", "user1password"} {
		a, err := w.Doorward.SignIn(ctx, "ada@example.org", from)
		must(t, err)
		must(t, a.Password(ctx, password))
		if got := a.Next() != doorward.FirstFactor; got != (password == "user1password") {
			t.Errorf("%s: the next step is %v, the answer %v", password, a.Next(), a.LastAnswer().Outcome)
		}
	}
}
