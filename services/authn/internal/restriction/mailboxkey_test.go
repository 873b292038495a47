package restriction_test

import (
	"slices"
	"testing"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// Whatever the rules are, an address is filed where those with its mailbox are looked for, and those with others aren't.
func TestAnAddressIsFoundByItsMailboxUnderAnyRules(t *testing.T) {
	addresses := []string{
		"ada@example.com", "ada+a@example.com", "ada-b@example.com", "ada-b+c@example.com", "ada=b-c@example.com", "a-b-c@example.com", "a-b@example.com",
		"-ada@example.com", "+ada@example.com", "ada.+x@example.com", "a.d.a@gmail.com", "ada@googlemail.com", "ada+x@gmail.com", "ada-b@yahoo.com", "ada-c@yahoo.com",
	}
	for _, separators := range []string{"", "+", "-", "+=#", "+=#-", "=-"} {
		rules := restriction.Default()
		rules.Separators = separators
		for _, a := range addresses {
			for _, b := range addresses {
				asked, readable := rules.Address(a)
				filed, readable2 := rules.Address(b)
				if !readable || !readable2 {
					t.Fatalf("%s or %s can't be read", a, b)
				}
				found := slices.ContainsFunc(rules.SameMailbox(asked), func(key string) bool {
					return slices.Contains(restriction.FiledUnder(filed.Canonical()), key)
				})
				if same := asked.Mailbox() == filed.Mailbox(); found != same {
					t.Errorf("with %q: %s is found for %s: %t; they have one mailbox: %t", separators, b, a, found, same)
				}
			}
		}
	}
}
