package restriction

import (
	"strings"

	"github.com/doorward/doorward/services/authn/internal/account"
)

// Address is a readable address with what the rules compare it by.
type Address struct {
	canonical string
	// name is canonical without what its provider ignores.
	name string
	// mailbox is name without its tag; equal to name when it has none.
	mailbox string
	// domain is canonical's.
	domain string
	// tag is the address's tag with its separator.
	tag string
}

// Address reads an address as somebody types it; false when account.Canonical can't.
func (r Rules) Address(typed string) (Address, bool) {
	canonical, ok := account.Canonical(typed)
	if !ok {
		return Address{}, false
	}
	a := Address{canonical: canonical, name: fold(canonical), domain: canonical[strings.LastIndexByte(canonical, '@')+1:]}
	a.mailbox, a.tag = untag(a.name, r.separators(a.domain))
	return a, true
}

// Canonical is the address as account.Canonical gives it.
func (a Address) Canonical() string { return a.canonical }

// Domain is the part behind the @, in ASCII.
func (a Address) Domain() string { return a.domain }

// Mailbox is the same for all addresses that are known to reach one mailbox: without a tag and what the provider ignores. It is for
// comparing; mail goes to the address as its owner wrote it. It changes with Separators and Providers.
func (a Address) Mailbox() string { return a.mailbox }

// Tag is what Mailbox leaves out behind the first separator, separator included; empty when there is none.
func (a Address) Tag() string { return a.tag }

// whole marks the key of a name that is cut nowhere.
const whole = "@"

// FiledUnder are the keys under which a store files an address, so that its mailbox is found under any rules: the name as a whole, and what is left of it at
// each character that may begin a tag, with that character.
func FiledUnder(canonical string) []string {
	name := fold(canonical)
	at := strings.LastIndexByte(name, '@')
	keys := []string{whole + name}
	for i := 1; i < at; i++ {
		if strings.IndexByte(separators, name[i]) >= 0 {
			keys = append(keys, name[i:i+1]+strings.TrimRight(name[:i], ".")+name[at:])
		}
	}
	return keys
}

// SameMailbox are the keys under which those addresses are filed that have the mailbox of this one by these rules. A few others may be, where a provider has
// two domains and an operator says different things of them.
func (r Rules) SameMailbox(a Address) []string {
	keys := []string{whole + a.mailbox}
	for _, separator := range r.separators(a.domain) {
		keys = append(keys, string(separator)+a.mailbox)
	}
	return keys
}

// separators are those of a domain: what the operator says, and else the usual ones and what its provider is known to take besides.
func (r Rules) separators(domain string) string {
	for _, p := range r.Providers {
		if p.Domain == domain {
			return p.Separators
		}
	}
	return r.Separators + providers[domain].separators
}

// untag cuts an address at its first separator. One that stands first is part of the name: no mailbox is empty.
func untag(name, separators string) (mailbox, tag string) {
	at := strings.LastIndexByte(name, '@')
	local := name[:at]
	first := strings.IndexAny(local[1:], separators)
	if separators == "" || first < 0 {
		return name, ""
	}
	cut := 1 + first
	// A dot can't end a local part (RFC 5321 §4.1.2): a.+tag@ is cut to a@.
	return strings.TrimRight(local[:cut], ".") + name[at:], local[cut:]
}
