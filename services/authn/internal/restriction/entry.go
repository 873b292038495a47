package restriction

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"unicode/utf8"

	"github.com/doorward/doorward/services/authn/internal/account"
)

const (
	// maxWritten bounds an entry as it is written; account.Canonical takes no longer address.
	maxWritten = 1024
	// maxName is the most that a canonical address has (RFC 5321 §4.5.3.1); domains and ranges are shorter.
	maxName = 254
	// below is how an entry says "every domain below".
	below = "*."
)

// Entry is one line of a list. Its list and its String say which entry it is: two spellings of one thing are one entry.
type Entry struct {
	List List
	Kind Kind
	// Name is what is compared: an address in its canonical form and without the dots that its provider ignores, a domain in ASCII, or a
	// prefix with its length.
	Name string
	// Written is the operator's spelling; empty when it is that of String.
	Written string
}

// String is the entry's canonical spelling, which ParseEntry reads as the same entry.
func (e Entry) String() string {
	switch e.Kind {
	case Subdomains:
		return below + e.Name
	case Range:
		return shortRange(e.Name)
	case Email:
		return escape(e.Name)
	default:
		return e.Name
	}
}

// escape writes an address so that no character of it is taken for more than itself: * for a wildcard, or a # in front for a comment.
func escape(address string) string {
	escaped := strings.ReplaceAll(address, "*", `\*`)
	if strings.HasPrefix(escaped, "#") {
		return `\` + escaped
	}
	return escaped
}

// AsWritten is the operator's own spelling.
func (e Entry) AsWritten() string {
	if e.Written != "" {
		return e.Written
	}
	return e.String()
}

// ParseEntry reads an entry as an operator writes it: user@example.com, example.com, *.example.com, 192.0.2.0/24 or 2001:db8::1. In an
// address \* is the character itself, and so is \# in front. Errors say what is wrong and what would be right.
func ParseEntry(list List, written string) (Entry, error) {
	e := Entry{List: list}
	if list < Allow || list > NotDisposable {
		return Entry{}, errors.New("an entry belongs to one of the lists allow, block, disposable and not_disposable")
	}
	var err error
	switch {
	case written == "":
		err = errors.New("nothing is written: write user@example.com, example.com, *.example.com or 192.0.2.0/24")
	case len(written) > maxWritten:
		err = fmt.Errorf("it has %d bytes, and no entry has more than %d", len(written), maxWritten)
	case !utf8.ValidString(written):
		err = errors.New("it isn't UTF-8")
	case strings.TrimSpace(written) != written:
		err = errors.New("there is a space around it: write it without")
	case strings.Contains(written, "://"):
		err = errors.New("it is a link: write its domain alone")
	case strings.Contains(written, "@"):
		e.Kind = Email
		e.Name, err = parseEmail(written)
	case looksLikeRange(written):
		e.Kind = Range
		e.Name, err = parseRange(written)
	default:
		e.Kind, e.Name, err = parseDomain(written)
	}
	if err == nil {
		err = list.takes(e)
	}
	if err != nil {
		return Entry{}, fmt.Errorf("%q: %w", clip(written), err)
	}
	if e.String() != written {
		e.Written = written
	}
	return e, nil
}

// takes refuses the kinds that mean nothing in a list.
func (l List) takes(e Entry) error {
	switch {
	case !l.aboutDisposable() || e.Kind == Domain:
		return nil
	case e.Kind == Subdomains:
		return fmt.Errorf("in the list %s a domain stands for those below it too: write %s", l, e.Name)
	default:
		return fmt.Errorf("the list %s takes domains alone: write example.com", l)
	}
}

func parseEmail(written string) (string, error) {
	// No address that account.Canonical takes has a backslash, so those here are ours.
	plain := strings.ReplaceAll(written, `\*`, "")
	address := strings.ReplaceAll(written, `\*`, "*")
	if strings.HasPrefix(address, `\#`) {
		address = address[1:]
	}
	local, domain, _ := strings.Cut(plain, "@")
	switch {
	case domain != "" && (written[0] == '@' || local == "*"):
		return "", fmt.Errorf("everybody at a domain is written as the domain alone: write %s", clip(domain))
	case strings.Contains(plain, "*"):
		return "", errors.New(`* stands for nothing in an address: write the whole address, example.com or *.example.com, and \* for a * that is part of the address`)
	}
	canonical, ok := account.Canonical(address)
	if !ok {
		return "", errors.New("it isn't an email address: write it as user@example.com, without a name, quotes, comments or spaces")
	}
	return fold(canonical), nil
}

func parseDomain(written string) (Kind, string, error) {
	kind, domain := Domain, written
	if rest, found := strings.CutPrefix(written, below); found {
		kind, domain = Subdomains, rest
	}
	switch {
	case strings.HasPrefix(domain, "."):
		return 0, "", fmt.Errorf("it begins with a dot: write %s%s for all domains below", below, clip(strings.TrimLeft(domain, ".")))
	case strings.HasSuffix(domain, "."):
		return 0, "", errors.New("it ends in a dot: write it without")
	case strings.Contains(domain, "*"):
		return 0, "", errors.New("* stands for all domains below one, and only in front: write *.example.com")
	case strings.ContainsAny(domain, "/ \t"):
		return 0, "", errors.New("it is neither a domain nor a range: write example.com or 192.0.2.0/24")
	}
	name, ok := account.CanonicalDomain(domain)
	if !ok {
		return 0, "", errors.New("it isn't a domain: write it as example.com, of letters, digits and hyphens")
	}
	if endsInNumber(name) {
		return 0, "", errors.New("it is neither a domain nor a whole IP address: write 192.0.2.7 or 192.0.2.0/24")
	}
	return kind, name, nil
}

// endsInNumber says whether a domain's last label is a number, which no top-level domain is (RFC 3696 §2).
func endsInNumber(domain string) bool {
	last := domain[strings.LastIndexByte(domain, '.')+1:]
	return strings.Trim(last, "0123456789") == ""
}

// looksLikeRange says whether somebody who wrote this meant IP addresses: there is a colon, or nothing but what IPv4 ranges are written with.
func looksLikeRange(written string) bool {
	return strings.Contains(written, ":") || strings.Trim(written, "0123456789./*-") == "" && strings.Trim(written, "*.-") != ""
}

func parseRange(written string) (string, error) {
	if strings.Contains(written, "*") {
		return "", errors.New("* stands for no addresses: write a prefix, such as 192.0.2.0/24")
	}
	if strings.Contains(written, "-") {
		return "", errors.New("addresses from one to another are written as prefixes, each on its own, such as 192.0.2.0/24")
	}
	text := written
	if !strings.Contains(written, "/") {
		ip, err := netip.ParseAddr(written)
		if err != nil {
			return "", errors.New("it isn't a whole IP address: write 192.0.2.7, 192.0.2.0/24 or 2001:db8::/32")
		}
		if ip.Zone() != "" {
			return "", errors.New("it names an interface of one host: write it without %")
		}
		text = fmt.Sprintf("%s/%d", written, ip.BitLen())
	}
	prefix, err := netip.ParsePrefix(text)
	if err != nil {
		return "", errors.New("it isn't a range of IP addresses: write 192.0.2.0/24 or 2001:db8::/32")
	}
	return canonicalRange(prefix)
}

// canonicalRange takes an IPv4 prefix out of its form in IPv6, and refuses bits that the length leaves out: whoever wrote them may have
// meant the one address.
func canonicalRange(prefix netip.Prefix) (string, error) {
	if prefix.Addr().Is4In6() {
		const mapped = 128 - 32
		if prefix.Bits() < mapped {
			return "", fmt.Errorf("it spans all of IPv4 and more: write 0.0.0.0/0, or an IPv6 range outside %s", "::ffff:0:0/96")
		}
		prefix = netip.PrefixFrom(prefix.Addr().Unmap(), prefix.Bits()-mapped)
	}
	if masked := prefix.Masked(); masked != prefix {
		return "", fmt.Errorf("the address has bits beyond the length: write %s for the range or %s for the one address", masked, prefix.Addr())
	}
	return prefix.String(), nil
}

// shortRange leaves out the length of a single address.
func shortRange(name string) string {
	prefix, err := netip.ParsePrefix(name)
	if err != nil || !prefix.IsSingleIP() {
		return name
	}
	return prefix.Addr().String()
}

// clip bounds what an error repeats.
func clip(written string) string {
	const most = 80
	if len(written) <= most {
		return written
	}
	return strings.ToValidUTF8(written[:most], "") + "…"
}
