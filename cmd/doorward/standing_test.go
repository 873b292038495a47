package main

import (
	"context"
	"path/filepath"
	"testing"
)

// TestAccountsAreLockedBannedAndMarked plays an operator who shuts an account out and lets it in again.
func TestAccountsAreLockedBannedAndMarked(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	d := startDev(t, filepath.Join(t.TempDir(), "d"))
	ada := signUp(ctx, t, d.world(t))
	c := d.console(ctx, t)

	c.shows([]string{"standing", "in good standing"}, "users", "show", "--email", ada.email)
	c.shows([]string{ada.grant.UserID, "locked until it is unlocked"}, "users", "lock", "--email", ada.email, "--note", "asked by phone")
	c.shows([]string{`"locked_until"`}, "users", "lock", "--user", ada.grant.UserID, "--for", "7d", "--json")
	c.shows([]string{"locked until 20"}, "users", "show", "--email", ada.email)
	c.shows([]string{"in good standing"}, "users", "unlock", "--email", ada.email)
	c.refuses("INVALID_FIELD", "users", "lock", "--email", ada.email, "--for", "1s")
	c.refuses("no user is nobody@example.com", "users", "ban", "--email", "nobody@example.com")

	c.shows([]string{"1 of 1 passwords are marked now; 0 sessions ended"}, "users", "mark-compromised", ada.grant.UserID)
	c.shows([]string{"compromised"}, "users", "show", "--email", ada.email)
	c.refuses("nothing was changed", "users", "mark-compromised", ada.grant.UserID, "usr_unknown")

	c.shows([]string{"banned since 20", "1 sessions ended"}, "users", "ban", "--user", ada.grant.UserID, "--note", "spam")
	c.shows([]string{"banned"}, "sessions", "list", "--user", ada.grant.UserID)
	c.shows([]string{"in good standing"}, "users", "unban", "--user", ada.grant.UserID)
}
