package restriction_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// entry parses one, or fails the test.
func entry(t testing.TB, list restriction.List, written string) restriction.Entry {
	t.Helper()
	e, err := restriction.ParseEntry(list, written)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestEntriesAreReadAsTheyAreMeant(t *testing.T) {
	for written, want := range map[string]struct {
		kind  restriction.Kind
		name  string
		spelt string
	}{
		"user@example.com":          {restriction.Email, "user@example.com", "user@example.com"},
		"User@Example.COM":          {restriction.Email, "user@example.com", "user@example.com"},
		"user+tag@example.com":      {restriction.Email, "user+tag@example.com", "user+tag@example.com"},
		"us.er@example.com":         {restriction.Email, "us.er@example.com", "us.er@example.com"},
		"us.er@gmail.com":           {restriction.Email, "user@gmail.com", "user@gmail.com"},
		"Us.Er@GoogleMail.com":      {restriction.Email, "user@gmail.com", "user@gmail.com"},
		"a_b-c.d@proton.me":         {restriction.Email, "abcd@proton.me", "abcd@proton.me"},
		"user@bücher.example":       {restriction.Email, "user@xn--bcher-kva.example", "user@xn--bcher-kva.example"},
		"#user@example.com":         {restriction.Email, "#user@example.com", `\#user@example.com`},
		`\#user@example.com`:        {restriction.Email, "#user@example.com", `\#user@example.com`},
		"us#er@example.com":         {restriction.Email, "us#er@example.com", "us#er@example.com"},
		`us\*er@example.com`:        {restriction.Email, "us*er@example.com", `us\*er@example.com`},
		`\*@example.com`:            {restriction.Email, "*@example.com", `\*@example.com`},
		"example.com":               {restriction.Domain, "example.com", "example.com"},
		"BÜCHER.Example":            {restriction.Domain, "xn--bcher-kva.example", "xn--bcher-kva.example"},
		"example。com":               {restriction.Domain, "example.com", "example.com"},
		"localhost":                 {restriction.Domain, "localhost", "localhost"},
		"1.example":                 {restriction.Domain, "1.example", "1.example"},
		"*.example.com":             {restriction.Subdomains, "example.com", "*.example.com"},
		"*.BÜCHER.example":          {restriction.Subdomains, "xn--bcher-kva.example", "*.xn--bcher-kva.example"},
		"*.com":                     {restriction.Subdomains, "com", "*.com"},
		"192.0.2.0/24":              {restriction.Range, "192.0.2.0/24", "192.0.2.0/24"},
		"0.0.0.0/0":                 {restriction.Range, "0.0.0.0/0", "0.0.0.0/0"},
		"192.0.2.7":                 {restriction.Range, "192.0.2.7/32", "192.0.2.7"},
		"192.0.2.7/32":              {restriction.Range, "192.0.2.7/32", "192.0.2.7"},
		"2001:DB8::/32":             {restriction.Range, "2001:db8::/32", "2001:db8::/32"},
		"2001:db8:0:0::1":           {restriction.Range, "2001:db8::1/128", "2001:db8::1"},
		"::ffff:192.0.2.7":          {restriction.Range, "192.0.2.7/32", "192.0.2.7"},
		"::ffff:192.0.2.0/120":      {restriction.Range, "192.0.2.0/24", "192.0.2.0/24"},
		"::/0":                      {restriction.Range, "::/0", "::/0"},
		"xn--bcher-kva.example":     {restriction.Domain, "xn--bcher-kva.example", "xn--bcher-kva.example"},
		"very.deep.below.it.de.com": {restriction.Domain, "very.deep.below.it.de.com", "very.deep.below.it.de.com"},
	} {
		e, err := restriction.ParseEntry(restriction.Block, written)
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		got := []string{e.Kind.String(), e.Name, e.String(), e.AsWritten(), e.List.String()}
		if diff := cmp.Diff([]string{want.kind.String(), want.name, want.spelt, written, "block"}, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", written, diff)
		}
	}
}

// Each fault names what was written and what would be right.
func TestWhatIsNoEntrySaysWhatWouldBeRight(t *testing.T) {
	for written, want := range map[string]string{
		"":                               "write user@example.com, example.com, *.example.com or 192.0.2.0/24",
		" example.com":                   "write it without",
		"example.com\n":                  "write it without",
		"exa\xffmple.com":                "UTF-8",
		strings.Repeat("a", 1025):        "1024",
		"https://example.com":            "write its domain alone",
		"@example.com":                   "write example.com",
		"*@example.com":                  "write example.com",
		"*@*.example.com":                "write *.example.com",
		"john*@example.com":              "write the whole address",
		"user@*.example.com":             "write the whole address",
		"a b@example.com":                "write it as user@example.com",
		"User <user@example.com>":        "write it as user@example.com",
		"user@":                          "write it as user@example.com",
		"user@exa_mple.com":              "write it as user@example.com",
		"user@[192.0.2.7]":               "write it as user@example.com",
		"*example.com":                   "write *.example.com",
		"*":                              "write *.example.com",
		"*.":                             "isn't a domain",
		"*.*.example.com":                "write *.example.com",
		"www.*.example.com":              "write *.example.com",
		".example.com":                   "write *.example.com",
		"example.com\u3002":              "write it as example.com",
		"example.com.":                   "write it without",
		"exa_mple.com":                   "write it as example.com",
		"exam ple.com":                   "write example.com",
		"example.com/path":               "write example.com",
		"example..com":                   "write it as example.com",
		strings.Repeat("a", 64) + ".com": "write it as example.com",
		"192.0.2":                        "write 192.0.2.7",
		"192.0.2.300":                    "write 192.0.2.7",
		"example.7":                      "write 192.0.2.7",
		"192.0.2.*":                      "write a prefix",
		"192.0.2.1-192.0.2.9":            "written as prefixes",
		"192.0.2.7/24":                   "write 192.0.2.0/24 for the range or 192.0.2.7 for the one address",
		"192.0.2.0/33":                   "write 192.0.2.0/24",
		"192.0.2.0/":                     "write 192.0.2.0/24",
		"::ffff:0.0.0.0/90":              "write 0.0.0.0/0",
		"fe80::1%eth0":                   "without %",
		"2001:db8::/129":                 "2001:db8::/32",
		"example.com:25":                 "write 192.0.2.7",
	} {
		e, err := restriction.ParseEntry(restriction.Allow, written)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %+v, %v; want an error with %q", written, e, err, want)
		}
		if e != (restriction.Entry{}) {
			t.Errorf("%q is refused and yet %+v", written, e)
		}
		if err != nil && len(err.Error()) > 300 {
			t.Errorf("%q: the error has %d bytes", written, len(err.Error()))
		}
	}
}

func TestListsOfDisposableDomainsTakeDomainsAlone(t *testing.T) {
	for _, list := range []restriction.List{restriction.Disposable, restriction.NotDisposable} {
		if e := entry(t, list, "Example.com"); e.Kind != restriction.Domain || e.Name != "example.com" {
			t.Errorf("%s: %+v", list, e)
		}
		for written, want := range map[string]string{
			"*.example.com":    "write example.com",
			"user@example.com": "domains alone",
			"192.0.2.0/24":     "domains alone",
		} {
			if _, err := restriction.ParseEntry(list, written); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s takes %s: %v", list, written, err)
			}
		}
	}
	if _, err := restriction.ParseEntry(0, "example.com"); err == nil {
		t.Error("a list that isn't known takes an entry")
	}
}

func TestListsHaveNames(t *testing.T) {
	for _, list := range restriction.Lists() {
		if got, err := restriction.ParseList(list.String()); err != nil || got != list {
			t.Errorf("ParseList(%s) = %v, %v", list, got, err)
		}
	}
	if _, err := restriction.ParseList("Allow"); err == nil {
		t.Error("a list is found under another name")
	}
}

func FuzzParseEntry(f *testing.F) {
	for _, seed := range []string{
		"user@example.com", "U.S.E.R+tag@googlemail.com", "example.com", "*.BÜCHER.example", `\\#a\\*@b.c`, "192.0.2.7/24", "::ffff:192.0.2.0/120",
		"2001:db8::/32", "*@*.example.com", "fe80::1%eth0", "1.2", "a_-@proton.me", "_@pm.me", "user@xn--bcher-kva.example", "x@\u00ad", "*.",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, written string) {
		for _, list := range restriction.Lists() {
			e, err := restriction.ParseEntry(list, written)
			if err != nil {
				if e != (restriction.Entry{}) {
					t.Errorf("%q is refused and yet %+v", written, e)
				}
				continue
			}
			again, err := restriction.ParseEntry(list, e.String())
			want := e
			want.Written = ""
			if err != nil || again != want {
				t.Errorf("%q is %+v, whose spelling %q is %+v, %v", written, e, e, again, err)
			}
			if e.AsWritten() != written {
				t.Errorf("%q is said to be written %q", written, e.AsWritten())
			}
			x, err := restriction.NewIndex(func(yield func(restriction.Entry) bool) { yield(e) })
			if err != nil || !x.Has(e) || x.Total(list) != 1 {
				t.Errorf("%q can't be kept: %v", written, err)
			}
		}
	})
}
