package portal

import (
	"net"
	"net/netip"

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
	Development    bool           `koanf:"development" doc:"for development only: work with certificates that are marked for it"`
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
	faults.Need(config.HostPort(c.Listen), "listen", "isn't host:port, such as 127.0.0.1:7404")
	faults.Need(config.HostPort(c.Notify), "notify", "isn't host:port, such as 127.0.0.1:7403")
	faults.Need(c.Certs != "", "certs", "is missing: name the directory that doorward certs made")
	faults.Need((c.TLSCert == "") == (c.TLSKey == ""), "tls_key", "and tls_cert come together or not at all")
	base, ok := config.Origin(c.URL)
	faults.Need(ok, "url", "isn't a web address of scheme and host alone, such as https://id.example.com; http is for this machine only")
	// Behind https somebody must end TLS: we do, or a proxy that we know, on this machine or named.
	faults.Need(!ok || base.Scheme == "http" || c.TLSCert != "" || onLoopback(c.Listen) || len(c.TrustedProxies) > 0,
		"trusted_proxies", "is empty though url is https and pages are served without TLS: name the proxy's network, or set tls_cert and tls_key")
	return faults
}

// onLoopback says whether an address to listen at is reached from this machine alone.
func onLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	return err == nil && config.Loopback(host)
}
