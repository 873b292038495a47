package restriction_test

import (
	"testing"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// Whatever the rules are, addresses with one mailbox have one key.
func TestAddressesOfOneMailboxHaveOneKey(t *testing.T) {
	addresses := []string{
		"ada@example.com", "ada+a@example.com", "ada-b@example.com", "ada-b+c@example.com", "ada=b-c@example.com", "a-b-c@example.com", "a-b@example.com",
		"-ada@example.com", "+ada@example.com", "ada.+x@example.com", "a.d.a@gmail.com", "ada@googlemail.com", "ada+x@gmail.com", "ada-b@yahoo.com", "ada-c@yahoo.com",
	}
	for _, separators := range []string{"", "+", "-", "+=#", "+=#-", "=-"} {
		rules := restriction.Default()
		rules.Separators = separators
		for _, a := range addresses {
			for _, b := range addresses {
				left, readable := rules.Address(a)
				right, readable2 := rules.Address(b)
				if !readable || !readable2 {
					t.Fatalf("%s or %s can't be read", a, b)
				}
				if left.Mailbox() == right.Mailbox() && restriction.MailboxKey(left.Canonical()) != restriction.MailboxKey(right.Canonical()) {
					t.Errorf("with %q %s and %s have one mailbox and two keys", separators, a, b)
				}
			}
		}
	}
}
