package restriction_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/doorward/doorward/services/authn/internal/restriction"
)

// index builds one of entries as written, each behind its list's name: "block *.example.com".
func index(t testing.TB, lines ...string) *restriction.Index {
	t.Helper()
	x, err := restriction.NewIndex(slices.Values(parse(t, lines...)))
	if err != nil {
		t.Fatal(err)
	}
	return x
}

func parse(t testing.TB, lines ...string) []restriction.Entry {
	t.Helper()
	var all []restriction.Entry
	for _, line := range lines {
		name, written, _ := strings.Cut(line, " ")
		list, err := restriction.ParseList(name)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, entry(t, list, written))
	}
	return all
}

// spoken writes findings as "rule effect what", which reads well in a table.
func spoken(j restriction.Judgement) []string {
	var all []string
	for _, f := range j.Findings {
		what := f.Shipped + f.Tag
		if f.Entry != (restriction.Entry{}) {
			what = f.Entry.AsWritten()
		}
		all = append(all, strings.TrimSpace(strings.Join([]string{string(f.Rule), f.Effect.String(), what}, " ")))
	}
	return all
}

var somewhere = netip.MustParseAddr("198.51.100.7")

func TestRulesSpeakInTheirOrder(t *testing.T) {
	strict := restriction.Default()
	strict.AccessMode = restriction.InvitationOnly
	strict.Allowlist = restriction.AllowlistRequired
	strict.Subaddresses = restriction.RefuseThem
	open := restriction.Default()
	tags := open
	tags.Subaddresses = restriction.RefuseThem
	once := open
	once.Subaddresses = restriction.OnePerMailbox
	invited := open
	invited.AccessMode = restriction.InvitationOnly
	required := open
	required.Allowlist = restriction.AllowlistRequired
	lists := []string{
		"block Bad@Example.com", "block *.bad.example", "block bad.example", "block 198.51.100.0/24", "block 203.0.113.0/24",
		"allow good@bad.example", "allow *.good.bad.example", "allow 203.0.113.7", "allow partner.example", "allow p+1@partner.example",
		"allow mine@mailinator.com", "block bad@gmail.com", "block tag+only@example.com",
		"disposable throw.example", "not_disposable keep.throw.example", "disposable away.keep.throw.example",
		"not_disposable yopmail.com", "disposable both.example", "not_disposable both.example",
	}
	far := netip.MustParseAddr("192.0.2.1")
	for name, c := range map[string]struct {
		rules   restriction.Rules
		subject restriction.Subject
		want    []string
	}{
		"nobody has anything to say": {open, restriction.Subject{Email: "user@example.com", IP: far}, nil},

		"everything at once": {strict, restriction.Subject{Email: "b.a.d+x@gmail.com", IP: somewhere, MailboxTaken: true}, []string{
			"invitation_required refuses", "network_blocked refuses 198.51.100.0/24", "address_blocked refuses bad@gmail.com",
			"address_not_allowed refuses", "subaddress refuses +x", "mailbox_taken refuses",
		}},
		"unreadable at both ends": {open, restriction.Subject{Email: "no address"}, []string{"address_unreadable refuses", "network_unreadable refuses"}},
		"unreadable, and no more is said of it": {strict, restriction.Subject{Email: "a@b@c", IP: somewhere, Invited: true, MailboxTaken: true}, []string{
			"address_unreadable refuses", "network_blocked refuses 198.51.100.0/24",
		}},
		"the address alone": {open, restriction.Subject{Email: "user@example.com", AddressOnly: true}, nil},
		"the address alone, wherever it comes from": {open, restriction.Subject{Email: "bad@example.com", AddressOnly: true, IP: somewhere}, []string{
			"address_blocked refuses Bad@Example.com",
		}},

		"not invited": {invited, restriction.Subject{Email: "user@example.com", IP: far}, []string{"invitation_required refuses"}},
		"invited":     {invited, restriction.Subject{Email: "user@example.com", IP: far, Invited: true}, nil},
		"an invitation lifts no list": {invited, restriction.Subject{Email: "bad@example.com", IP: far, Invited: true}, []string{
			"address_blocked refuses Bad@Example.com",
		}},
		"an allowed address lifts no access mode": {invited, restriction.Subject{Email: "user@partner.example", IP: far}, []string{
			"invitation_required refuses", "address_allowed allows partner.example",
		}},

		"a blocked address":                     {open, restriction.Subject{Email: "BAD@example.com", IP: far}, []string{"address_blocked refuses Bad@Example.com"}},
		"a blocked address with a tag":          {open, restriction.Subject{Email: "bad+1@example.com", IP: far}, []string{"address_blocked refuses Bad@Example.com"}},
		"a blocked mailbox with other dots":     {open, restriction.Subject{Email: "b.ad@googlemail.com", IP: far}, []string{"address_blocked refuses bad@gmail.com"}},
		"a blocked tag":                         {open, restriction.Subject{Email: "tag+only@example.com", IP: far}, []string{"address_blocked refuses tag+only@example.com"}},
		"the mailbox of a blocked tag":          {open, restriction.Subject{Email: "tag@example.com", IP: far}, nil},
		"another tag of that mailbox":           {open, restriction.Subject{Email: "tag+other@example.com", IP: far}, nil},
		"a blocked domain":                      {open, restriction.Subject{Email: "u@bad.example", IP: far}, []string{"address_blocked refuses bad.example"}},
		"far below a blocked domain":            {open, restriction.Subject{Email: "u@a.b.c.d.bad.example", IP: far}, []string{"address_blocked refuses *.bad.example"}},
		"a domain that ends like a blocked one": {open, restriction.Subject{Email: "u@notbad.example", IP: far}, nil},
		"a domain that begins like one":         {open, restriction.Subject{Email: "u@bad.example.org", IP: far}, nil},

		"allow before block": {open, restriction.Subject{Email: "good@bad.example", IP: far}, []string{
			"address_allowed allows good@bad.example", "address_blocked lifted bad.example",
		}},
		"a wide allow before a narrow block": {open, restriction.Subject{Email: "u@x.good.bad.example", IP: far}, []string{
			"address_allowed allows *.good.bad.example", "address_blocked lifted *.bad.example",
		}},
		"an allowed address with a tag is another": {open, restriction.Subject{Email: "good+1@bad.example", IP: far}, []string{
			"address_blocked refuses bad.example",
		}},

		"a blocked network": {open, restriction.Subject{Email: "user@example.com", IP: somewhere}, []string{"network_blocked refuses 198.51.100.0/24"}},
		"a blocked network in IPv6's form": {open, restriction.Subject{Email: "user@example.com", IP: netip.MustParseAddr("::ffff:198.51.100.7")}, []string{
			"network_blocked refuses 198.51.100.0/24",
		}},
		"an allowed address in a blocked network": {open, restriction.Subject{Email: "user@example.com", IP: netip.MustParseAddr("203.0.113.7")}, []string{
			"network_allowed allows 203.0.113.7", "network_blocked lifted 203.0.113.0/24",
		}},
		"an allowed email opens no network": {open, restriction.Subject{Email: "user@partner.example", IP: somewhere}, []string{
			"network_blocked refuses 198.51.100.0/24", "address_allowed allows partner.example",
		}},
		"an allowed network brings no email": {open, restriction.Subject{Email: "bad@example.com", IP: netip.MustParseAddr("203.0.113.7")}, []string{
			"network_allowed allows 203.0.113.7", "network_blocked lifted 203.0.113.0/24", "address_blocked refuses Bad@Example.com",
		}},

		"a required allowlist":          {required, restriction.Subject{Email: "user@example.com", IP: far}, []string{"address_not_allowed refuses"}},
		"one that has the address":      {required, restriction.Subject{Email: "user@partner.example", IP: far}, []string{"address_allowed allows partner.example"}},
		"one that has the domain above": {required, restriction.Subject{Email: "user@sub.partner.example", IP: far}, []string{"address_not_allowed refuses"}},
		"one that has the network alone": {required, restriction.Subject{Email: "user@example.com", IP: netip.MustParseAddr("203.0.113.7")}, []string{
			"network_allowed allows 203.0.113.7", "network_blocked lifted 203.0.113.0/24", "address_not_allowed refuses",
		}},

		"disposable":                     {open, restriction.Subject{Email: "u@mailinator.com", IP: far}, []string{"disposable_domain refuses mailinator.com"}},
		"below disposable":               {open, restriction.Subject{Email: "u@a.b.MAILINATOR.com", IP: far}, []string{"disposable_domain refuses mailinator.com"}},
		"disposable, allowed":            {open, restriction.Subject{Email: "mine@mailinator.com", IP: far}, []string{"address_allowed allows mine@mailinator.com", "disposable_domain lifted mailinator.com"}},
		"disposable by the operator":     {open, restriction.Subject{Email: "u@x.throw.example", IP: far}, []string{"disposable_domain refuses throw.example"}},
		"an exception below an addition": {open, restriction.Subject{Email: "u@a.keep.throw.example", IP: far}, []string{"disposable_exception allows keep.throw.example"}},
		"an addition below that":         {open, restriction.Subject{Email: "u@away.keep.throw.example", IP: far}, []string{"disposable_domain refuses away.keep.throw.example"}},
		"an exception from what ships":   {open, restriction.Subject{Email: "u@yopmail.com", IP: far}, []string{"disposable_exception allows yopmail.com"}},
		"both":                           {open, restriction.Subject{Email: "u@both.example", IP: far}, []string{"disposable_exception allows both.example"}},

		"a tag":                           {tags, restriction.Subject{Email: "user+tag@example.com", IP: far}, []string{"subaddress refuses +tag"}},
		"a tag, the first of its mailbox": {once, restriction.Subject{Email: "user+tag@example.com", IP: far}, nil},
		"a tag, and not the first":        {once, restriction.Subject{Email: "user+tag@example.com", IP: far, MailboxTaken: true}, []string{"mailbox_taken refuses"}},
		"dots are no tag":                 {tags, restriction.Subject{Email: "u.s.e.r@gmail.com", IP: far}, nil},
		"a mailbox that is taken":         {tags, restriction.Subject{Email: "u.s.e.r@gmail.com", IP: far, MailboxTaken: true}, []string{"mailbox_taken refuses"}},
		"taken, where nobody asks for it": {open, restriction.Subject{Email: "u.s.e.r@gmail.com", IP: far, MailboxTaken: true}, nil},
		"a tag at an allowed domain":      {tags, restriction.Subject{Email: "q+1@partner.example", IP: far}, []string{"address_allowed allows partner.example", "subaddress refuses +1"}},
		"a tag that is allowed itself": {tags, restriction.Subject{Email: "p+1@partner.example", IP: far, MailboxTaken: true}, []string{
			"address_allowed allows p+1@partner.example", "address_allowed allows partner.example", "subaddress lifted +1", "mailbox_taken lifted",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			got := restriction.Judge(c.subject, c.rules, index(t, lists...))
			if diff := cmp.Diff(c.want, spoken(got)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			checkVerdict(t, got)
		})
	}
}

// checkVerdict sees that the verdict follows from the findings.
func checkVerdict(t interface{ Errorf(string, ...any) }, j restriction.Judgement) {
	var reason restriction.Rule
	for _, f := range j.Findings {
		if f.Effect == restriction.Refuses {
			reason = f.Rule
			break
		}
	}
	if j.Allowed != (reason == "") || j.Reason != reason {
		t.Errorf("allowed = %t, reason = %q; the findings say %q", j.Allowed, j.Reason, reason)
	}
}

func TestRulesThatAreOffDontSpeak(t *testing.T) {
	x := index(t, "block example.com", "allow good@example.com", "block 198.51.100.0/24", "allow 198.51.100.7", "disposable example.com")
	off := restriction.Rules{
		AccessMode: restriction.Open, Allowlist: restriction.AllowlistOff, Disposable: restriction.AllowThem, Subaddresses: restriction.AllowThem,
	}
	if got := restriction.Judge(restriction.Subject{Email: "good+1@example.com", IP: somewhere}, off, x); !got.Allowed || got.Findings != nil {
		t.Errorf("everything is off, and %+v", got)
	}
	off.Blocklist = true
	got := restriction.Judge(restriction.Subject{Email: "good@example.com", IP: somewhere}, off, x)
	want := []string{"network_blocked refuses 198.51.100.0/24", "address_blocked refuses example.com"}
	if diff := cmp.Diff(want, spoken(got)); diff != "" {
		t.Errorf("an allowlist that is off lifts something (-want +got):\n%s", diff)
	}
}

// Rules that nobody set, and an index that isn't there, let nobody in.
func TestWhatIsMissingRefuses(t *testing.T) {
	subject := restriction.Subject{Email: "user+tag@mailinator.com", IP: somewhere}
	got := restriction.Judge(subject, restriction.Rules{}, index(t, "allow user+tag@mailinator.com"))
	want := []string{"invitation_required refuses", "address_not_allowed refuses", "disposable_domain refuses mailinator.com"}
	if diff := cmp.Diff(want, spoken(got)); diff != "" {
		t.Errorf("rules without values (-want +got):\n%s", diff)
	}
	if got := restriction.Judge(subject, restriction.Default(), nil); got.Allowed || got.Reason != restriction.ListsMissing {
		t.Errorf("no index: %+v", got)
	}
	var never restriction.Judgement
	if never.Allowed {
		t.Error("the zero judgement lets in")
	}
}

func TestOneAddressSpeltInManyWaysIsJudgedTheSame(t *testing.T) {
	x := index(t, "block user@bücher.example", "block *.STRASSE.example")
	for _, typed := range []string{
		"user@bücher.example", "USER@BÜCHER.EXAMPLE", "user@xn--bcher-kva.example", "User@XN--BCHER-KVA.example", "user@bu\u0308cher.example",
		"user@bücher。example", "user+tag@bücher.example", "a@b.straße.example", "a@b.strasse.example",
	} {
		got := restriction.Judge(restriction.Subject{Email: typed, IP: somewhere}, restriction.Default(), x)
		// UTS #46 without transitional processing keeps ß apart from ss: they are two domains.
		if want := !strings.Contains(typed, "ß"); got.Allowed == want {
			t.Errorf("%s: allowed = %t", typed, got.Allowed)
		}
	}
}

// A dot at the end, in whatever script, would be another name of a domain that is blocked or disposable.
func TestNoDotAtTheEndLeadsPastADomain(t *testing.T) {
	x := index(t, "block example.com")
	for _, domain := range []string{"example.com", "mailinator.com"} {
		for _, dot := range []string{"", ".", "\u3002", "\uff0e", "\uff61", "\u3002\u3002"} {
			got := restriction.Judge(restriction.Subject{Email: "u@" + domain + dot, IP: somewhere}, restriction.Default(), x)
			if got.Allowed {
				t.Errorf("u@%s%s may come", domain, dot)
			}
		}
	}
}

// Taking an entry out of Allow, or adding one to Block, never lets anybody in.
func TestLessAllowedAndMoreBlockedNeverLetsAnybodyIn(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfN(someEntry(restriction.Allow, restriction.Block), 0, 12).Draw(t, "entries")
		more := someEntry(restriction.Block).Draw(t, "blocked")
		rules := someRules().Draw(t, "rules")
		subject := someSubject().Draw(t, "subject")
		before := judge(t, subject, rules, entries)
		checkVerdict(t, before)
		if before.Allowed {
			return
		}
		fewer := slices.DeleteFunc(slices.Clone(entries), func(e restriction.Entry) bool {
			return e.List == restriction.Allow && rapid.Bool().Draw(t, "removed")
		})
		if after := judge(t, subject, rules, append(fewer, more)); after.Allowed {
			t.Fatalf("refused by %v, and now they may come", spoken(before))
		}
	})
}

func judge(t *rapid.T, s restriction.Subject, r restriction.Rules, entries []restriction.Entry) restriction.Judgement {
	x, err := restriction.NewIndex(slices.Values(entries))
	if err != nil {
		t.Fatal(err)
	}
	return restriction.Judge(s, r, x)
}

// some… draw from few values, so that they meet.

func someDomain() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		labels := rapid.SliceOfN(rapid.SampledFrom([]string{"a", "b", "mail"}), 0, 4).Draw(t, "labels")
		return strings.Join(append(labels, rapid.SampledFrom([]string{"example", "gmail.com", "yahoo.com", "mailinator.com"}).Draw(t, "top")), ".")
	})
}

func someEmail() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		local := rapid.SampledFrom([]string{"u", "u.v", "uv", "u+x", "uv+x", "u-x", "U", "u=x"}).Draw(t, "local")
		return local + "@" + someDomain().Draw(t, "domain")
	})
}

func someIP() *rapid.Generator[netip.Addr] {
	return rapid.Custom(func(t *rapid.T) netip.Addr {
		b := rapid.SliceOfN(rapid.SampledFrom([]byte{0, 1, 0x80, 0xff}), 16, 16).Draw(t, "bytes")
		switch rapid.IntRange(0, 2).Draw(t, "form") {
		case 0:
			return netip.AddrFrom4([4]byte(b))
		case 1:
			return netip.AddrFrom16([16]byte(b))
		default:
			return netip.AddrFrom16(netip.AddrFrom4([4]byte(b)).As16())
		}
	})
}

func someEntry(lists ...restriction.List) *rapid.Generator[restriction.Entry] {
	return rapid.Custom(func(t *rapid.T) restriction.Entry {
		list := rapid.SampledFrom(lists).Draw(t, "list")
		written := someDomain().Draw(t, "domain")
		if list == restriction.Allow || list == restriction.Block {
			switch rapid.IntRange(0, 3).Draw(t, "kind") {
			case 0:
				written = someEmail().Draw(t, "email")
			case 1:
				written = "*." + written
			case 2:
				ip := someIP().Draw(t, "ip").Unmap()
				written = netip.PrefixFrom(ip, rapid.IntRange(0, ip.BitLen()).Draw(t, "bits")).Masked().String()
			}
		}
		e, err := restriction.ParseEntry(list, written)
		if err != nil {
			e, err = restriction.ParseEntry(list, "example") // a range that holds IPv4's place in IPv6
		}
		if err != nil {
			t.Fatal(err)
		}
		return e
	})
}

func someRules() *rapid.Generator[restriction.Rules] {
	return rapid.Custom(func(t *rapid.T) restriction.Rules {
		choice := rapid.SampledFrom([]restriction.Choice{restriction.AllowThem, restriction.RefuseThem, restriction.OnePerMailbox, ""})
		return restriction.Rules{
			AccessMode:   rapid.SampledFrom([]restriction.AccessMode{restriction.Open, restriction.InvitationOnly, ""}).Draw(t, "mode"),
			Allowlist:    rapid.SampledFrom([]restriction.AllowlistUse{"off", "exceptions", "required", ""}).Draw(t, "allowlist"),
			Blocklist:    rapid.Bool().Draw(t, "blocklist"),
			Disposable:   choice.Draw(t, "disposable"),
			Subaddresses: choice.Draw(t, "subaddresses"),
			Separators:   rapid.SampledFrom([]string{"", "+", "+=#", "+=#-"}).Draw(t, "separators"),
		}
	})
}

func someSubject() *rapid.Generator[restriction.Subject] {
	return rapid.Custom(func(t *rapid.T) restriction.Subject {
		return restriction.Subject{
			Email: someEmail().Draw(t, "email"), IP: someIP().Draw(t, "ip"), AddressOnly: rapid.Bool().Draw(t, "alone"),
			Invited: rapid.Bool().Draw(t, "invited"), MailboxTaken: rapid.Bool().Draw(t, "taken"),
		}
	})
}
