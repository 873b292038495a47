package account

import (
	"slices"
	"strings"
	"time"

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

// Canonical is the form in which two addresses are the same one: local part folded to lower case, domain folded and in its
// ASCII form. It answers false for what can't be an address.
func Canonical(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || at == len(address)-1 {
		return "", false
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil {
		return "", false
	}
	return strings.ToLower(address[:at]) + "@" + strings.ToLower(domain), true
}

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
	return slices.DeleteFunc(slices.Clone(u.Emails), func(e Email) bool {
		return !e.verifiedBy(at) || !e.RemovedAt.IsZero() && e.RemovedAt.Before(at.Add(-removedStillTold))
	})
}

// MayContain says whether the holder of an address may answer the alert of a sign-in at a moment: the address was verified then,
// and for 7 days or as the account's first one; and it hasn't been removed on a device trusted before.
func (u *User) MayContain(canonical string, at time.Time) bool {
	for i, e := range u.Emails {
		if e.Canonical != canonical || !e.verifiedBy(at) {
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

func (e Email) verifiedBy(at time.Time) bool {
	return !e.VerifiedAt.IsZero() && !e.VerifiedAt.After(at)
}
