package doorward_test

import (
	"net/http"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	doorward "github.com/doorward/doorward/sdk"
)

func TestForwardedAddressIsBelievedOnlyFromTrustedProxies(t *testing.T) {
	proxies := doorward.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8"))
	for name, test := range map[string]struct {
		remote    string
		forwarded []string
		options   []doorward.FromOption
		want      string
	}{
		"the connection's":            {"192.0.2.1:4711", nil, nil, "192.0.2.1"},
		"IPv6":                        {"[2001:db8::1]:4711", nil, nil, "2001:db8::1"},
		"IPv4 in IPv6":                {"[::ffff:192.0.2.1]:4711", nil, nil, "192.0.2.1"},
		"zone":                        {"[fe80::1%eth0]:4711", nil, nil, "fe80::1"},
		"header without option":       {"10.0.0.1:4711", []string{"198.51.100.7"}, nil, "10.0.0.1"},
		"header from a stranger":      {"192.0.2.1:4711", []string{"198.51.100.7"}, []doorward.FromOption{proxies}, "192.0.2.1"},
		"one proxy":                   {"10.0.0.1:4711", []string{"198.51.100.7"}, []doorward.FromOption{proxies}, "198.51.100.7"},
		"two proxies":                 {"10.0.0.1:4711", []string{"198.51.100.7, 10.0.0.2"}, []doorward.FromOption{proxies}, "198.51.100.7"},
		"two headers":                 {"10.0.0.1:4711", []string{"198.51.100.7", "fd00::2"}, []doorward.FromOption{proxies}, "198.51.100.7"},
		"what the client claimed":     {"10.0.0.1:4711", []string{"203.0.113.9, 198.51.100.7"}, []doorward.FromOption{proxies}, "198.51.100.7"},
		"claims to be a proxy":        {"10.0.0.1:4711", []string{"203.0.113.9, 10.6.6.6, 198.51.100.7"}, []doorward.FromOption{proxies}, "198.51.100.7"},
		"with a port":                 {"10.0.0.1:4711", []string{"198.51.100.7:80"}, []doorward.FromOption{proxies}, "198.51.100.7"},
		"proxy without header":        {"10.0.0.1:4711", nil, []doorward.FromOption{proxies}, "10.0.0.1"},
		"unreadable hop":              {"10.0.0.1:4711", []string{"198.51.100.7, unknown"}, []doorward.FromOption{proxies}, "invalid IP"},
		"chain too long":              {"10.0.0.1:4711", []string{"198.51.100.7" + strings.Repeat(",10.0.0.2", 40)}, []doorward.FromOption{proxies}, "invalid IP"},
		"no address of the conection": {"@", []string{"198.51.100.7"}, []doorward.FromOption{proxies}, "invalid IP"},
	} {
		t.Run(name, func(t *testing.T) {
			request := &http.Request{RemoteAddr: test.remote, Header: http.Header{"X-Forwarded-For": test.forwarded}}
			if got := doorward.FromHTTP(request, test.options...).IP.String(); got != test.want {
				t.Errorf("%s, want %s", got, test.want)
			}
		})
	}
}

func TestHeadersAreCutToWhatTheContractTakes(t *testing.T) {
	request := &http.Request{RemoteAddr: "192.0.2.1:1", Header: http.Header{
		"User-Agent":      {strings.Repeat("é", 1000) + "\xff"},
		"Accept-Language": {"de\xff"},
	}}
	from := doorward.FromHTTP(request)
	if len(from.UserAgent) > 1024 || !utf8.ValidString(from.UserAgent) || from.Language != "de" {
		t.Errorf("%d bytes, language %q", len(from.UserAgent), from.Language)
	}
}

// FuzzFromHTTP has a client choose its headers. The address comes from nowhere else than the connection unless that is a trusted proxy's; what comes
// is one address in one spelling, or none; and headers are cut to what the contract takes.
func FuzzFromHTTP(f *testing.F) {
	f.Add("10.0.0.1:80", "1.2.3.4, [::1]:80", "Mozilla/5.0", "en")
	f.Add("192.0.2.1:80", "198.51.100.7", strings.Repeat("é", 600), "\xff")
	f.Add("[::ffff:10.0.0.1%eth0]:80", "fe80::1%\x00, ::ffff:1.2.3.4", "", strings.Repeat("x", 300))
	f.Add("@", ",,10.0.0.2,", "", "")
	proxies := doorward.TrustedProxies(netip.MustParsePrefix("10.0.0.0/8"))
	f.Fuzz(func(t *testing.T, remote, forwarded, agent, language string) {
		request := &http.Request{RemoteAddr: remote, Header: http.Header{
			"X-Forwarded-For": {forwarded}, "User-Agent": {agent}, "Accept-Language": {language},
		}}
		from := doorward.FromHTTP(request, proxies)
		connection := doorward.FromHTTP(&http.Request{RemoteAddr: remote}).IP
		if doorward.FromHTTP(request).IP != connection {
			t.Errorf("%s is taken, though no proxy is trusted", forwarded)
		}
		if proxied := connection.Is4() && connection.As4()[0] == 10; !proxied && from.IP != connection {
			t.Errorf("%q claims to be %v, and is believed as %v", remote, forwarded, from.IP)
		}
		if from.IP.Zone() != "" || from.IP.Is4In6() {
			t.Errorf("address %v", from.IP)
		}
		if len(from.UserAgent) > 1024 || len(from.Language) > 256 || !utf8.ValidString(from.UserAgent+from.Language) {
			t.Errorf("user agent %q, language %q", from.UserAgent, from.Language)
		}
	})
}
