package restriction_test

import (
	"strings"
	"testing"

	"github.com/doorward/doorward/services/authn/internal/account"
	"github.com/doorward/doorward/services/authn/internal/restriction"
)

func TestAddressesOfOneMailboxAreRecognised(t *testing.T) {
	own := restriction.Default()
	own.Providers = []restriction.Provider{{Domain: "qmail.example", Separators: "-"}, {Domain: "none.example"}}
	for typed, want := range map[string]string{
		"user@example.com":               "user@example.com",
		"User+Tag@Example.com":           "user@example.com",
		"user+a+b@example.com":           "user@example.com",
		"user=a@example.com":             "user@example.com",
		"user#a@example.com":             "user@example.com",
		"user#a+b@example.com":           "user@example.com",
		"anne-marie@example.com":         "anne-marie@example.com",
		"us.er+tag@example.com":          "us.er@example.com",
		"user.+tag@example.com":          "user@example.com",
		"+tag@example.com":               "+tag@example.com",
		"++tag@example.com":              "+@example.com",
		"user+@example.com":              "user@example.com",
		"user+tag@BÜCHER.example":        "user@xn--bcher-kva.example",
		"ölaf+tag@example.com":           "ölaf@example.com",
		"u.s.e.r@gmail.com":              "user@gmail.com",
		"u.s.e.r+t.a.g@googlemail.com":   "user@gmail.com",
		"u.s.e.r@mail.gmail.com":         "u.s.e.r@mail.gmail.com",
		"base-word@yahoo.com":            "base@yahoo.com",
		"base-word@ymail.com":            "base@ymail.com",
		"base+word@yahoo.co.uk":          "base@yahoo.co.uk",
		"base-word@yahoo.example":        "base-word@yahoo.example",
		"-word@yahoo.com":                "-word@yahoo.com",
		"us-er_na.me+tag@proton.me":      "username@proton.me",
		"_-@proton.me":                   "_-@proton.me",
		"user-tag@qmail.example":         "user@qmail.example",
		"user+tag@qmail.example":         "user+tag@qmail.example",
		"user+tag@none.example":          "user+tag@none.example",
		"user-tag@below.qmail.example":   "user-tag@below.qmail.example",
		"user+tag@below.none.example":    "user@below.none.example",
		strings.Repeat("a", 64) + "@a.b": strings.Repeat("a", 64) + "@a.b",
	} {
		a, ok := own.Address(typed)
		if !ok || a.Mailbox() != want {
			t.Errorf("%s: mailbox %q, %t; want %q", typed, a.Mailbox(), ok, want)
		}
		if canonical, _ := account.Canonical(typed); a.Canonical() != canonical {
			t.Errorf("%s: canonical %q", typed, a.Canonical())
		}
	}
	if a, ok := own.Address("no address"); ok || a != (restriction.Address{}) {
		t.Errorf("an unreadable address is %+v", a)
	}
}

func TestTheTagIsTold(t *testing.T) {
	for typed, want := range map[string]string{
		"user@example.com":     "",
		"user+a=b@example.com": "+a=b",
		"user+@example.com":    "+",
		"+a@example.com":       "",
		"u.ser+a.b@gmail.com":  "+ab",
		"u.ser@gmail.com":      "",
		"base-word@yahoo.com":  "-word",
	} {
		if a, ok := restriction.Default().Address(typed); !ok || a.Tag() != want {
			t.Errorf("%s: tag %q, %t; want %q", typed, a.Tag(), ok, want)
		}
	}
}

func FuzzMailbox(f *testing.F) {
	for _, seed := range []string{
		"user+tag@example.com", "u.s.e.r+t@googlemail.com", "_-@proton.me", "_+x@proton.me", "+.+@example.com", "a.+b@example.com",
		"-a-b@yahoo.com", "#=@example.com", "Ölaf#x@BÜCHER.example", "=.=.=@yahoo.fr", "é+x@gmail.com",
	} {
		f.Add(seed, "+=#-")
	}
	f.Fuzz(func(t *testing.T, typed, separators string) {
		rules := restriction.Default()
		rules.Separators = separators
		if rules.Validate() != nil {
			rules.Separators = "+=#-"
		}
		a, ok := rules.Address(typed)
		if !ok {
			return
		}
		if strings.HasPrefix(a.Mailbox(), "@") || !strings.Contains(a.Mailbox(), "@") {
			t.Errorf("%q has the mailbox %q", typed, a.Mailbox())
		}
		again, ok := rules.Address(a.Mailbox())
		if !ok || again.Mailbox() != a.Mailbox() || again.Tag() != "" || again.Canonical() != a.Mailbox() {
			t.Errorf("%q has the mailbox %q, which has %q, %t", typed, a.Mailbox(), again.Mailbox(), ok)
		}
	})
}
