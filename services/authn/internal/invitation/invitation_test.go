package invitation_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/invitation"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

const (
	ada = "ada@example.org"
	eve = "eve@example.org"
)

func pending() invitation.Invitation {
	return invitation.Invitation{ID: "inv_1", Email: "Ada@Example.org", Canonical: ada, CreatedAt: noon, ExpiresAt: noon.Add(time.Hour)}
}

func TestAnInvitationIsGoodForItsAddressUntilItEnds(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*invitation.Invitation)
		at     time.Duration
		email  string
		state  invitation.State
		lets   bool
	}{
		{"new", nil, 0, ada, invitation.Pending, true},
		{"just before it ends", nil, time.Hour - 1, ada, invitation.Pending, true},
		{"at its end", nil, time.Hour, ada, invitation.Expired, false},
		{"another address", nil, 0, eve, invitation.Pending, false},
		{"revoked", func(i *invitation.Invitation) { i.Revoke("app_1", noon) }, 0, ada, invitation.Revoked, false},
		{"revoked and over", func(i *invitation.Invitation) { i.Revoke("app_1", noon) }, 2 * time.Hour, ada, invitation.Revoked, false},
		{"accepted", func(i *invitation.Invitation) { i.Accept(ada, "usr_1", noon) }, 0, ada, invitation.Accepted, false},
		{"accepted and over", func(i *invitation.Invitation) { i.Accept(ada, "usr_1", noon) }, 2 * time.Hour, ada, invitation.Accepted, false},
		{"for no address", func(i *invitation.Invitation) { i.Canonical = "" }, 0, "", invitation.Pending, false},
	} {
		i := pending()
		if c.change != nil {
			c.change(&i)
		}
		now := noon.Add(c.at)
		if state, lets := i.State(now), i.Lets(c.email, now); state != c.state || lets != c.lets {
			t.Errorf("%s: %s, lets in = %t", c.name, state, lets)
		}
	}
	var none invitation.Invitation
	if none.Lets("", noon) || none.Accept("", "usr_1", noon) {
		t.Error("an empty invitation lets somebody in")
	}
}

// TestAnEndIsAnEnd calls the methods in any order, at any time: at most one of them ends an invitation, once, and what it wrote stays.
func TestAnEndIsAnEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		i, now := pending(), noon
		ends := 0
		for range rapid.IntRange(1, 8).Draw(t, "calls") {
			now = now.Add(time.Duration(rapid.IntRange(0, 40).Draw(t, "minutes")) * time.Minute)
			before, was := i, i.State(now)
			email := rapid.SampledFrom([]string{ada, eve}).Draw(t, "email")
			var changed bool
			if rapid.Bool().Draw(t, "accept") {
				changed = i.Accept(email, "usr_1", now)
				if changed && email != ada {
					t.Fatalf("accepted for %s", email)
				}
			} else {
				changed = i.Revoke("app_1", now)
			}
			if changed {
				ends++
			}
			if changed && (was != invitation.Pending || i.State(now) == invitation.Pending || !i.EndsAt().Equal(now)) {
				t.Fatalf("from %s to %s, which ended at %v", was, i.State(now), i.EndsAt())
			}
			if diff := cmp.Diff(before, i); !changed && diff != "" {
				t.Fatalf("a call that answers false changed it:\n%s", diff)
			}
		}
		if ends > 1 {
			t.Fatalf("it ended %d times", ends)
		}
	})
}
