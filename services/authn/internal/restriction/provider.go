package restriction

import "strings"

// Provider says with which characters the mail server of a domain separates a mailbox from a tag.
type Provider struct {
	// Domain is the domain, and not those below it.
	Domain string `json:"domain"`
	// Separators are some of +=#-, or empty when the server takes no tags.
	Separators string `json:"separators"`
}

// known is what a provider is known to do. Which characters it ignores is its own fact and nobody's choice, so entries are kept without them.
type known struct {
	// ignored are the characters that make no difference in a local part.
	ignored string
	// same is the domain whose mailboxes these are; empty for its own.
	same string
	// separators are those that it has beside the usual ones.
	separators string
}

// The sources, looked up in November 2026:
//   - Gmail's dots: https://support.google.com/mail/answer/7436150, which says too that they do count in an organisation's own domain.
//     googlemail.com is its name of old in Germany and the United Kingdom.
//   - Proton's dots, hyphens and underscores: https://proton.me/support/change-username. Its domains aren't taken for each other.
//   - Yahoo's hyphen: its help on AddressGuard, http://help.yahoo.com/help/uk/bt/tutorials/mail/addressguard2.html. Such an address hangs on
//     a base name that isn't the account's own: two with one base name are one mailbox, but none leads to the account's own address.
//
// Two addresses of one mailbox that only its owner can know of, such as aliases, stay two; so do those whose tag is in the domain (Fastmail's tag@user.fastmail.com).
var providers = func() map[string]known {
	table := map[string]known{
		"gmail.com":      {ignored: "."},
		"googlemail.com": {ignored: ".", same: "gmail.com"},
	}
	for _, domain := range []string{"proton.me", "protonmail.com", "protonmail.ch", "pm.me"} {
		table[domain] = known{ignored: "._-"}
	}
	for _, domain := range []string{
		"myyahoo.com", "rocketmail.com", "ymail.com", "yahoo.ca", "yahoo.co.id", "yahoo.co.in", "yahoo.co.jp", "yahoo.co.kr", "yahoo.co.nz",
		"yahoo.co.th", "yahoo.co.uk", "yahoo.com", "yahoo.com.ar", "yahoo.com.au", "yahoo.com.br", "yahoo.com.co", "yahoo.com.hk",
		"yahoo.com.mx", "yahoo.com.my", "yahoo.com.pe", "yahoo.com.ph", "yahoo.com.sg", "yahoo.com.tr", "yahoo.com.tw", "yahoo.com.ve",
		"yahoo.com.vn", "yahoo.de", "yahoo.dk", "yahoo.es", "yahoo.fr", "yahoo.gr", "yahoo.ie", "yahoo.in", "yahoo.it", "yahoo.no",
		"yahoo.pl", "yahoo.ro", "yahoo.se",
	} {
		table[domain] = known{separators: "-"}
	}
	return table
}()

// fold takes out of a canonical address what its provider ignores. What would be left empty stays as it is.
func fold(canonical string) string {
	at := strings.LastIndexByte(canonical, '@')
	local, domain := canonical[:at], canonical[at+1:]
	provider, found := providers[domain]
	if !found || provider.ignored == "" {
		return canonical
	}
	if provider.same != "" {
		domain = provider.same
	}
	kept := strings.Map(func(r rune) rune {
		if strings.ContainsRune(provider.ignored, r) {
			return -1
		}
		return r
	}, local)
	if kept == "" {
		kept = local
	}
	return kept + "@" + domain
}
