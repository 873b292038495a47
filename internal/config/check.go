package config

import (
	"net"
	"net/netip"
	"net/url"
	"regexp"
)

// Within puts the faults of a section under its key.
func (f Faults) Within(section string) Faults {
	placed := make(Faults, len(f))
	for i, fault := range f {
		fault.Key = section + delimiter + fault.Key
		placed[i] = fault
	}
	return placed
}

// Need adds a fault unless ok.
func (f *Faults) Need(ok bool, key, problem string) {
	if !ok {
		*f = append(*f, Fault{Key: key, Problem: problem})
	}
}

// HostPort says whether an address is host:port; the host may be empty, for all of the machine's.
func HostPort(address string) bool {
	_, port, err := net.SplitHostPort(address)
	return err == nil && port != ""
}

// Loopback says whether a host is this machine and nobody else.
func Loopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// hostForm is a host as it stands in links and tokens: an ASCII name (xn--… for one in another script) or an IP address, and perhaps a port.
var hostForm = regexp.MustCompile(`^([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(:[0-9]{1,5})?$`)

// Origin parses a web address of scheme and host alone, as links in mails begin with and tokens name: https, or http to this machine. A final
// slash is allowed, and isn't part of it.
func Origin(address string) (*url.URL, bool) {
	u, err := url.Parse(address)
	if err != nil || !hostForm.MatchString(u.Host) || u.User != nil || u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || u.Path != "" && u.Path != "/" {
		return nil, false
	}
	u.Path = ""
	return u, u.Scheme == "https" || u.Scheme == "http" && Loopback(u.Hostname())
}
