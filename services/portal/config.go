package portal

import (
	"net"
	"net/netip"
	"net/url"

	"github.com/doorward/doorward/internal/config"
)

// Config is what a portal needs to start.
type Config struct {
	Listen         string         `koanf:"listen" doc:"host:port to serve pages on; port 0 takes a free one"`
	URL            string         `koanf:"url" doc:"where browsers reach the portal, scheme and host alone; links in mails begin with it"`
	Product        string         `koanf:"product" doc:"whose accounts these are, as their owners know it; pages say 'your account' without it"`
	Notify         string         `koanf:"notify" doc:"host:port of the notify service"`
	Certs          string         `koanf:"certs" doc:"directory with ca.pem, portal.pem and portal.key, as doorward certs makes it"`
	TLSCert        string         `koanf:"tls_cert" doc:"certificate that browsers see, PEM; empty when a proxy in front ends TLS"`
	TLSKey         string         `koanf:"tls_key" doc:"private key of tls_cert, PEM"`
	TrustedProxies []netip.Prefix `koanf:"trusted_proxies" doc:"networks of your own reverse proxies, whose X-Forwarded-For is believed"`
}

var _ config.Validator = Config{}

// DefaultConfig serves a browser on this machine.
func DefaultConfig() Config {
	return Config{
		Listen: "127.0.0.1:7404",
		URL:    "http://127.0.0.1:7404",
		Notify: "127.0.0.1:7403",
		Certs:  ".doorward/certs",
	}
}

// Validate reports all faults at once.
func (c Config) Validate() config.Faults {
	var faults config.Faults
	need := func(ok bool, key, problem string) {
		if !ok {
			faults = append(faults, config.Fault{Key: key, Problem: problem})
		}
	}
	need(hostPort(c.Listen), "listen", "isn't host:port, such as 127.0.0.1:7404")
	need(hostPort(c.Notify), "notify", "isn't host:port, such as 127.0.0.1:7403")
	need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	need((c.TLSCert == "") == (c.TLSKey == ""), "tls_key", "and tls_cert come together or not at all")
	base, ok := c.base()
	need(ok, "url", "isn't a web address of scheme and host alone, such as https://id.example.com; http is for this machine only")
	// Behind https somebody must end TLS: we do, or a proxy that we know, on this machine or named.
	need(!ok || base.Scheme == "http" || c.TLSCert != "" || loopback(c.Listen) || len(c.TrustedProxies) > 0,
		"trusted_proxies", "is empty though url is https and pages are served without TLS: name the proxy's network, or set tls_cert and tls_key")
	return faults
}

// base is the parsed URL, if it is one that a mail may link to.
func (c Config) base() (*url.URL, bool) {
	base, err := url.Parse(c.URL)
	if err != nil || base.Host == "" || base.User != nil || base.RawQuery != "" || base.Fragment != "" {
		return nil, false
	}
	// Pages name their style sheet from the root, and links in mails end in the page's own path.
	if base.Path != "" && base.Path != "/" {
		return nil, false
	}
	switch base.Scheme {
	case "https":
		return base, true
	case "http":
		return base, loopbackHost(base.Hostname())
	default:
		return nil, false
	}
}

func hostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

func loopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && loopbackHost(host)
}

func loopbackHost(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.IsLoopback()
}
