package geo

import "net/netip"

// nowhere4 and nowhere6 list the blocks that the IANA special-purpose registries (RFC 6890 and its updates) give to no place: an entry of
// the address file inside one of them says who registered it, not where somebody is. The tunnelling blocks (6to4, Teredo,
// NAT64) are among them: what they say is where a relay stands.
var nowhere4 = parse(
	"0.0.0.0/8",       // this network
	"100.64.0.0/10",   // shared by carrier-grade NAT
	"192.0.0.0/24",    // protocol assignments
	"192.0.2.0/24",    // documentation
	"192.88.99.0/24",  // 6to4 relays
	"198.18.0.0/15",   // benchmarks
	"198.51.100.0/24", // documentation
	"203.0.113.0/24",  // documentation
	"240.0.0.0/4",     // reserved, and broadcast
)

var nowhere6 = parse(
	"64:ff9b::/96",   // NAT64
	"64:ff9b:1::/48", // NAT64 within a network
	"100::/64",       // discarded
	"2001::/23",      // protocol assignments, Teredo
	"2001:db8::/32",  // documentation
	"2002::/16",      // 6to4
	"3fff::/20",      // documentation
	"5f00::/16",      // segment routing
	"fec0::/10",      // site-local, withdrawn
)

// blocks holds prefixes by the first octet of the addresses in them, so that most addresses are compared with none.
type blocks [256][]netip.Prefix

func parse(prefixes ...string) *blocks {
	var b blocks
	for _, s := range prefixes {
		p := netip.MustParsePrefix(s)
		first := int(p.Addr().AsSlice()[0])
		for octet := first; octet < first+1<<max(0, 8-p.Bits()); octet++ {
			b[octet] = append(b[octet], p)
		}
	}
	return &b
}

func (b *blocks) contain(first byte, ip netip.Addr) bool {
	for _, p := range b[first] {
		if p.Contains(ip) {
			return true
		}
	}
	return false
}

// placed reports whether an address, IPv4 in its own form, can be somewhere.
func placed(ip netip.Addr) bool {
	// A zone names an interface of this host: whatever carries one isn't from outside.
	if !ip.IsGlobalUnicast() || ip.IsPrivate() || ip.Zone() != "" {
		return false
	}
	if ip.Is4() {
		return !nowhere4.contain(ip.As4()[0], ip)
	}
	return !nowhere6.contain(ip.As16()[0], ip)
}
