package account

import (
	"net/mail"
	"strings"
	"time"
	"unicode"

	"golang.org/x/net/idna"
)

const (
	// removedStillTold is for how long a removed address is still told of what happens: an intruder who removes the owner's
	// address doesn't silence the owner.
	removedStillTold = 7 * 24 * time.Hour
	// mayContainAfter is how old an address must have been when the sign-in happened to answer its alert: an intruder who adds an
	// address gains nothing.
	mayContainAfter = 7 * 24 * time.Hour
)

// The most that RFC 5321 §4.5.3.1 lets a local part and an address have; as typed, a domain in its own script may be longer.
const (
	maxLocal   = 64
	maxAddress = 254
	maxTyped   = 1024
)

// Canonical is the form in which two addresses are the same one: local part folded to lower case, domain folded and in its
// ASCII form. It answers false for what can't be an address: anything with a name, a quote, a comment, a space or an invisible
// character, which could become a second recipient in a mail's header or look like another's address.
func Canonical(address string) (string, bool) {
	if len(address) > maxTyped {
		return "", false
	}
	parsed, err := mail.ParseAddress(address)
	if err != nil || parsed.Address != address {
		return "", false
	}
	at := strings.LastIndexByte(address, '@')
	local := strings.ToLower(address[:at])
	domain, ok := CanonicalDomain(address[at+1:])
	if !ok || strings.ContainsFunc(local, invisible) || strings.ContainsFunc(address[:at], disguised) {
		return "", false
	}
	canonical := local + "@" + domain
	if len(local) > maxLocal || len(canonical) > maxAddress {
		return "", false
	}
	return canonical, true
}

// CanonicalDomain is the form in which two domains are the same one: folded, and in ASCII. It answers false for what can't be a domain.
func CanonicalDomain(domain string) (string, bool) {
	if len(domain) > maxTyped {
		return "", false
	}
	canonical, err := domains.ToASCII(domain)
	// A dot at the end, also as other scripts write it, would make a second name of the same domain; idna passes it.
	if err != nil || strings.HasSuffix(canonical, ".") {
		return "", false
	}
	if canonical != domain {
		// Some letters are mapped to others that may not stand there: that shows in the result alone.
		if again, err := domains.ToASCII(canonical); err != nil || again != canonical {
			return "", false
		}
	}
	return canonical, true
}

// domains maps a domain as a look-up does (case, width, dots), and refuses empty and overlong labels.
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.VerifyDNSLength(true))

func invisible(r rune) bool { return !unicode.IsPrint(r) }

// disguised letters aren't ASCII and fold to one that is, as the Kelvin sign does to k. To mail servers they name another mailbox, whose
// reader would be taken for the owner of the folded address.
func disguised(r rune) bool { return r > unicode.MaxASCII && unicode.ToLower(r) <= unicode.MaxASCII }

// Masked hides all of the local part but its first character, for a prompt: `a•••@example.com`.
func Masked(address string) string {
	at := strings.LastIndexByte(address, '@')
	if at < 1 {
		return "•••"
	}
	first := []rune(address[:at])[:1]
	return string(first) + "•••" + address[at:]
}

// ToTell are the addresses to be told of something that happened at a moment: those verified then, and those removed within the
// 7 days before.
func (u *User) ToTell(at time.Time) []Email {
	var told []Email
	for i, e := range u.Emails {
		if u.verifiedBy(i, at) && (e.RemovedAt.IsZero() || !e.RemovedAt.Before(at.Add(-removedStillTold))) {
			told = append(told, e)
		}
	}
	return told
}

// MayContain says whether the holder of an address may answer the alert of a sign-in at a moment: the address was verified then,
// and for 7 days or as the account's first one; and it hasn't been removed on a device trusted before.
func (u *User) MayContain(canonical string, at time.Time) bool {
	for i, e := range u.Emails {
		if e.Canonical != canonical || !u.verifiedBy(i, at) {
			continue
		}
		if !e.RemovedAt.IsZero() && (e.RemovedOnTrusted || e.RemovedAt.Before(at)) {
			continue
		}
		if i == 0 || !e.VerifiedAt.After(at.Add(-mayContainAfter)) {
			return true
		}
	}
	return false
}

// verifiedBy says whether an address was verified at a moment. The first always was: nobody has signed in to an account before the sign-up that verified it,
// so a moment that says otherwise comes from a clock that was set back, and mustn't leave the owner untold.
func (u *User) verifiedBy(i int, at time.Time) bool {
	verified := u.Emails[i].VerifiedAt
	return !verified.IsZero() && (i == 0 || !verified.After(at))
}
