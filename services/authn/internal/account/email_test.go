package account_test

import (
	"net/mail"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/account"
)

const day = 24 * time.Hour

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func TestCanonicalFoldsWhatIsTheSameAddress(t *testing.T) {
	for typed, want := range map[string]string{
		"owner@example.com":                      "owner@example.com",
		"Owner@Example.COM":                      "owner@example.com",
		"owner+notes@example.com":                "owner+notes@example.com",
		"o.wner@example.com":                     "o.wner@example.com",
		"owner@bücher.example":                   "owner@xn--bcher-kva.example",
		"owner@BÜCHER.example":                   "owner@xn--bcher-kva.example",
		"owner@xn--bcher-kva.Com":                "owner@xn--bcher-kva.com",
		"owner@example。com":                      "owner@example.com", // an ideographic full stop
		"Ölaf@example.com":                       "ölaf@example.com",
		"owner@localhost":                        "owner@localhost",
		"o'wner@mail.example.com":                "o'wner@mail.example.com",
		"0@1.example":                            "0@1.example",
		strings.Repeat("a", 64) + "@example.com": strings.Repeat("a", 64) + "@example.com",
	} {
		if got, ok := account.Canonical(typed); !ok || got != want {
			t.Errorf("Canonical(%q) = %q, %t; want %q", typed, got, ok, want)
		}
	}
}

func TestCanonicalRefusesWhatCantBeAnAddress(t *testing.T) {
	for name, typed := range map[string]string{
		"nothing":                 "",
		"no at":                   "owner.example.com",
		"no local part":           "@example.com",
		"no domain":               "owner@",
		"two addresses":           "owner@example.com,intruder@example.com",
		"a second at":             "owner@intruder@example.com",
		"a name":                  "Owner <owner@example.com>",
		"angle brackets":          "<owner@example.com>",
		"a comment":               "owner@example.com(intruder)",
		"a quoted local part":     `"owner"@example.com`,
		"a space before":          " owner@example.com",
		"a space after":           "owner@example.com ",
		"a new header":            "owner@example.com\r\nBcc: intruder@example.com",
		"a line in the local":     "ow\nner@example.com",
		"a zero byte":             "ow\x00ner@example.com",
		"an invisible character":  "ow\u200bner@example.com",
		"a change of direction":   "ow\u202ener@example.com",
		"invalid UTF-8":           "ow\xffner@example.com",
		"a dot at the end":        "owner@example.com.",
		"an ideographic dot":      "owner@example.com\u3002",
		"a wide dot":              "owner@example.com\uff0e",
		"a halfwidth dot":         "owner@example.com\uff61",
		"two of them":             "owner@localhost\u3002\u3002",
		"an alef symbol":          "owner@a\u2135b.com",
		"an empty label":          "owner@example..com",
		"a label of nothing":      "owner@\u00ad",
		"an underscore":           "owner@exa_mple.com",
		"a hyphen first":          "owner@-example.com",
		"an IP literal":           "owner@[127.0.0.1]",
		"a local part too long":   strings.Repeat("a", 65) + "@example.com",
		"a label too long":        "owner@" + strings.Repeat("a", 64) + ".com",
		"an address too long":     "owner@" + strings.Repeat("abcdefg.", 32) + "com",
		"ten kilobytes of domain": "owner@" + strings.Repeat("a.", 5<<10) + "com",
		"a Kelvin sign for k":     "\u212aim@example.com",
		"a dotted capital I":      "ow\u0130ner@example.com",
		"a megabyte of local":     strings.Repeat("a", 1<<20) + "@example.com",
	} {
		if got, ok := account.Canonical(typed); ok || got != "" {
			t.Errorf("%s: Canonical = %q, %t; want a refusal", name, got, ok)
		}
	}
}

func TestCanonicalDomainFoldsAndRefuses(t *testing.T) {
	for typed, want := range map[string]string{
		"Example.COM": "example.com", "BÜCHER.example": "xn--bcher-kva.example", "xn--bcher-kva.example": "xn--bcher-kva.example", "localhost": "localhost",
		"": "", ".example.com": "", "example.com.": "", "example.com\u3002": "", "a\u2135b.com": "", "example..com": "", "exa_mple.com": "", "exa mple.com": "", "*.example.com": "", "user@example.com": "",
		"xn--a": "", strings.Repeat("a.", 127) + "com": "", strings.Repeat("a", 2000): "",
	} {
		if got, ok := account.CanonicalDomain(typed); got != want || ok != (want != "") {
			t.Errorf("CanonicalDomain(%q) = %q, %t; want %q", typed, got, ok, want)
		}
	}
}

// Every character, alone and beside others: what is taken is its own canonical form, or one mailbox would have two.
func TestWhatIsCanonicalIsItsOwnCanonicalForm(t *testing.T) {
	for r := rune(1); r <= unicode.MaxRune; r += 1 + r>>12 { // every one of the first 4096, then ever fewer
		for _, typed := range []string{"a@b" + string(r) + "c.com", "a@b.com" + string(r), "a@" + string(r), "a" + string(r) + "@b.com"} {
			got, ok := account.Canonical(typed)
			if again, still := account.Canonical(got); ok && (!still || again != got) {
				t.Errorf("Canonical(%q) = %q, whose own canonical form is %q, %t", typed, got, again, still)
			}
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"owner@example.com", "Owner@BÜCHER.example", "a@b@c", "İ@x.y", "owner@xn--bcher-kva.com", "<a@b>", "a@\u00ad", "@", "a@b.c\u3002", "a@\u2135b"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		got, ok := account.Canonical(typed)
		if !ok {
			if got != "" {
				t.Errorf("refused, and yet %q", got)
			}
			return
		}
		if again, ok := account.Canonical(got); !ok || again != got {
			t.Errorf("Canonical(%q) = %q, whose own canonical form is %q, %t", typed, got, again, ok)
		}
		if len(got) > 254 || strings.Count(got, "@") != 1 || strings.ContainsAny(got, " \r\n\t,;<>\"()\\") || !utf8.ValidString(got) {
			t.Errorf("Canonical(%q) = %q can't stand in a header", typed, got)
		}
		if list, err := mail.ParseAddressList(got); err != nil || len(list) != 1 {
			t.Errorf("Canonical(%q) = %q, which a mail reads as %v, %v", typed, got, list, err)
		}
	})
}

func TestMaskedShowsOneCharacterAndTheDomain(t *testing.T) {
	for address, want := range map[string]string{
		"owner@example.com": "o•••@example.com",
		"o@example.com":     "o•••@example.com",
		"ölaf@example.com":  "ö•••@example.com",
		"nonsense":          "•••",
		"@example.com":      "•••",
		"":                  "•••",
	} {
		if got := account.Masked(address); got != want {
			t.Errorf("Masked(%q) = %q, want %q", address, got, want)
		}
	}
}

// address is one of a user's, in the words of the rules.
func address(name string, verified, removed time.Time, onTrusted bool) account.Email {
	return account.Email{Canonical: name, VerifiedAt: verified, RemovedAt: removed, RemovedOnTrusted: onTrusted}
}

func TestWhoIsToldAndWhoMayContain(t *testing.T) {
	var never time.Time
	first := address("first@example.com", noon.Add(-30*day), never, false)
	for name, c := range map[string]struct {
		email      account.Email
		isFirst    bool
		told, acts bool
	}{
		"the first one, old":                        {address("a", noon.Add(-30*day), never, false), true, true, true},
		"the first one, verified just now":          {address("a", noon, never, false), true, true, true},
		"the first one, after a clock was set back": {address("a", noon.Add(time.Hour), never, false), true, true, true},
		"never verified":                            {address("a", never, never, false), true, false, false},

		"a later one, 7 days old":               {address("a", noon.Add(-7*day), never, false), false, true, true},
		"a later one, not quite 7 days old":     {address("a", noon.Add(-7*day+1), never, false), false, true, false},
		"a later one, added by the intruder":    {address("a", noon.Add(time.Minute), never, false), false, false, false},
		"removed since, by who knows whom":      {address("a", noon.Add(-30*day), noon.Add(1), false), false, true, true},
		"removed since, on a trusted device":    {address("a", noon.Add(-30*day), noon.Add(1), true), false, true, false},
		"the first, removed on a trusted one":   {address("a", noon.Add(-30*day), noon.Add(1), true), true, true, false},
		"removed a day before":                  {address("a", noon.Add(-30*day), noon.Add(-day), false), false, true, false},
		"removed 7 days before":                 {address("a", noon.Add(-30*day), noon.Add(-7*day), false), false, true, false},
		"removed more than 7 days before":       {address("a", noon.Add(-30*day), noon.Add(-7*day-1), false), false, false, false},
		"young and removed since, by whomever":  {address("a", noon.Add(-day), noon.Add(1), false), false, true, false},
		"verified after it and removed already": {address("a", noon.Add(1), noon.Add(2), false), false, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			user := account.User{Emails: []account.Email{first, c.email}}
			if c.isFirst {
				user.Emails = []account.Email{c.email, first}
			}
			if got := told(user.ToTell(noon), "a"); got != c.told {
				t.Errorf("told = %t, want %t", got, c.told)
			}
			if got := user.MayContain("a", noon); got != c.acts {
				t.Errorf("may contain = %t, want %t", got, c.acts)
			}
		})
	}
}

func told(emails []account.Email, canonical string) bool {
	for _, e := range emails {
		if e.Canonical == canonical {
			return true
		}
	}
	return false
}

func TestAddressesOfOthersMayNotContain(t *testing.T) {
	user := account.User{Emails: []account.Email{address("a", noon.Add(-30*day), time.Time{}, false)}}
	for _, canonical := range []string{"", "b", "A"} {
		if user.MayContain(canonical, noon) {
			t.Errorf("%q may contain", canonical)
		}
	}
}

// An address that was taken away and added again is as young as its last verification, unless its earlier time still counts.
func TestAnAddressAddedAgainIsYoungAgain(t *testing.T) {
	first := address("first@example.com", noon.Add(-90*day), time.Time{}, false)
	before := address("a", noon.Add(-60*day), noon.Add(-30*day), true)
	again := address("a", noon.Add(-day), time.Time{}, false)
	user := account.User{Emails: []account.Email{first, before, again}}
	if user.MayContain("a", noon) {
		t.Error("an address added a day ago may contain")
	}
	if !user.MayContain("a", noon.Add(6*day)) {
		t.Error("at 7 days it may not")
	}
}

// Whatever the addresses: who may contain was told, and telling changes nothing.
func TestWhoMayContainWasTold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		moment := rapid.Custom(func(t *rapid.T) time.Time {
			hours := rapid.IntRange(-20*24, 20*24).Draw(t, "hours")
			if hours == 0 {
				return time.Time{}
			}
			return noon.Add(time.Duration(hours) * time.Hour)
		})
		emails := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) account.Email {
			return address(rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, "name"),
				moment.Draw(t, "verified"), moment.Draw(t, "removed"), rapid.Bool().Draw(t, "on trusted"))
		}), 0, 6).Draw(t, "emails")
		user := account.User{Emails: emails}
		before := append([]account.Email(nil), emails...)
		tell := user.ToTell(noon)
		for _, name := range []string{"a", "b", "c"} {
			if user.MayContain(name, noon) && !told(tell, name) {
				t.Errorf("%s may contain and isn't told", name)
			}
		}
		if diff := cmp.Diff(before, append([]account.Email(nil), user.Emails...)); diff != "" {
			t.Errorf("the user has changed:\n%s", diff)
		}
	})
}
